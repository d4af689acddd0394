"""The command for alerts."""

from datetime import UTC, datetime

import click

from olist_assets.cli.options import FAILED, console
from olist_assets.errors import OlistError
from olist_assets.settings import Settings


@click.command()
@click.option("--test", "is_test", is_flag=True, help="Send a test message to each sink that is configured.")
@click.option(
    "--once", is_flag=True, help="One round, for cron without a Dagster daemon; not together with the sensor."
)
def alerts(*, is_test: bool, once: bool) -> int:
    """Test the sinks of alerts, or send new alerts once. Exit code 1 if a sink did not accept its message.

    \b
    OLIST_ALERT_FILE=alerts.jsonl olist alerts --test
    olist alerts --once
    """
    if is_test == once:
        raise click.UsageError("Give either --test or --once.")
    from olist_assets.alerts.sinks import configured

    settings = Settings()
    if not configured(settings):
        raise OlistError("No sink is configured: set OLIST_ALERT_EMAIL_TO, OLIST_ALERT_WEBHOOK or OLIST_ALERT_FILE.")
    return _send_test(settings) if is_test else _one_round(settings)


def _send_test(settings: Settings) -> int:
    from olist_assets.alerts.alert import Event
    from olist_assets.alerts.digest import digest
    from olist_assets.alerts.sinks import NotSent, configured

    title, link = "A test: this is where the platform's alerts arrive.", settings.dagster_url.link
    message = digest([Event("warning", "test", title, "Nothing is wrong.", link, datetime.now(UTC))])
    failed = 0
    for name, send in configured(settings).items():
        try:
            send(settings, message)
            console.print(f"[green]✓[/] {name}")
        except NotSent as error:
            failed += 1
            console.print(f"[red]✗[/] {name}: {error}", soft_wrap=True)
    return FAILED if failed else 0


def _one_round(settings: Settings) -> int:
    from olist_assets.alerts.positions import position_file
    from olist_assets.alerts.tick import tick
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.warehouse import Warehouse
    from olist_assets.orchestration.instance import instance

    position = position_file(settings)
    with instance(settings) as storage:
        before = position.read_text() if position.exists() else None
        cursor, results, is_well = tick(storage, Warehouse(settings, catalog()), before)
    position.write_text(cursor)
    console.print("\n".join(results) or "No new events.", soft_wrap=True)
    return 0 if is_well else FAILED
