"""Commands that run the graph or its checks."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import click

from olist_assets.cli.options import FAILED, Day, console, select_option
from olist_assets.cli.setup import write_sample_if_missing
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from olist_assets.engine.upkeep import Footprint
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.runs import OnEvent, Request, RunReport
    from olist_assets.operations.stale import Stale


@click.command()
@click.option(
    "--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all; with days the daily tables]"
)
@click.option("--day", type=Day(), help="Only this day of the daily tables.")
@click.option("--days", type=Day(span=True), help="Only these days of the daily tables: A..B, both included.")
@click.option("--stale", "only_stale", is_flag=True, help="Only the days and tables that `olist stale` lists.")
@click.option("--upstream", is_flag=True, help="Also missing tables that these tables read.")
@click.option("--downstream", is_flag=True, help="Also the tables that are made from these tables.")
@click.option(
    "--allow-schema-change", is_flag=True, help="Allow that a column of a source or table is lost or changes its type."
)
def materialize(
    select: str | None,
    day: tuple[date, date] | None,
    days: tuple[date, date] | None,
    *,
    only_stale: bool,
    upstream: bool,
    downstream: bool,
    allow_schema_change: bool,
) -> int:
    """Make tables and run their checks.

    \b
    olist materialize                                    everything
    olist materialize --select group:silver              a layer
    olist materialize --select "+gold_daily_metrics"     a table and those it reads
    olist materialize --day 2017-11-24                   a day of the daily tables
    olist materialize --day 2017-11-24 --downstream      and the tables made from them
    olist materialize --select silver_orders --days 2017-11-01..2017-11-30
    olist materialize --stale                            the days whose source changed
    """
    if sum(map(bool, (day, days, only_stale))) > 1 or (only_stale and select):
        raise click.UsageError(
            "--day, --days and --stale exclude each other, and --stale cannot be used with --select."
        )
    write_sample_if_missing()
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.runs import requested, stale_requests

    platform = Platform(Settings())
    if only_stale:
        return _run_all(platform, stale_requests(platform, _find_stale(platform), downstream=downstream))
    platform, request = requested(
        platform, select, day or days,
        upstream=upstream, downstream=downstream, allow_schema_change=allow_schema_change,
    )  # fmt: skip
    return _run_all(platform, [request])


def _run_all(platform: "Platform", requests: "list[Request]") -> int:
    from olist_assets.operations.runs import materialize as run

    # Checks look at whole tables: a day that a later run makes may fail one, so a check's last result counts.
    last_results = {}
    for request in requests:
        report = _follow(platform, lambda on_event, request=request: run(platform, request, on_event), request)
        a_check_broke = report.failures and not report.failed_checks
        if a_check_broke or not request.assets <= report.materialized:
            return FAILED
        last_results |= {(check.asset_key, check.check_name): check in report.failed_checks for check in report.checks}
    return FAILED if any(last_results.values()) else 0


@click.command()
def stale() -> int:
    """List days and tables that differ from what the bronze tables give now; exit code 1 if there are any.

    Each is computed again in memory and compared; no clock is involved. `olist materialize --stale` makes just those.
    Tables whose code has changed since they were made are listed too, and do not change the exit code.

    \b
    olist stale
    """
    from olist_assets.contracts.calendar import span_text, spans
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.stale import outdated_code

    platform = Platform(Settings())
    found = _find_stale(platform)
    for name in found.tables:
        console.print(f"[yellow]stale[/] {name}")
    for days in spans(found.days):
        names = sorted({name for day, names in found.days.items() if days[0] <= day <= days[1] for name in names})
        console.print(f"[yellow]stale[/] {span_text(days):<24} {', '.join(names)}", soft_wrap=True)
    if outdated := outdated_code(platform):
        console.print(f"[yellow]made by older code[/] {', '.join(outdated)}", soft_wrap=True)
    if found:
        console.print(
            f"{len(found.days)} days, {len(found.tables)} tables without days. Next: olist materialize --stale"
        )
        return FAILED
    console.print("[green]Nothing is stale.[/]")
    return 0


@click.command()
@select_option
def checks(select: str) -> int:
    """Run checks without changing a table or starting an engine.

    \b
    olist checks
    olist checks --select gold_customer_metrics
    """
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.runs import run_checks
    from olist_assets.operations.selection import selected

    platform = Platform(Settings())
    names = selected(platform, select)
    return 0 if _follow(platform, lambda on_event: run_checks(platform, names, on_event)).succeeded else FAILED


@click.command()
def monitor() -> int:
    """Store the tables' versions and all durations, run the dashboard's queries, and check freshness. No engine.

    \b
    olist monitor
    """
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.runs import monitor as run

    platform = Platform(Settings())
    return 0 if _follow(platform, lambda on_event: run(platform, on_event)).succeeded else FAILED


@click.command()
@click.option("--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all existing tables]")
@click.option("--retain-hours", type=click.IntRange(min=0), default=168, show_default=True, help="Keep younger files.")
@click.option("--force", is_flag=True, help="Allow less than a week: no run and no query may be in progress.")
@click.option("--cluster", is_flag=True, help="Cluster the daily tables by day; only Spark can write them afterwards.")
def maintain(select: str | None, retain_hours: int, *, force: bool, cluster: bool) -> None:
    """Join small files, remove old files and old log entries, and show the effect.

    \b
    olist maintain
    olist maintain --select silver_orders,silver_orders_master
    olist maintain --retain-hours 0 --force
    OLIST_ENGINE=spark olist maintain --cluster
    """
    from olist_assets.engine.upkeep import maintain as run
    from olist_assets.operations.platform import Platform
    from olist_assets.operations.selection import selected

    platform = Platform(Settings())
    names = sorted(selected(platform, select) & {*platform.catalog.tables}) if select else []
    run(
        platform.warehouse, platform.engine, _print_footprints,
        names=names, retention_hours=retain_hours, force=force, cluster=cluster,
    )  # fmt: skip


def _print_footprints(name: str, before: "Footprint", after: "Footprint") -> None:
    old, new = asdict(before), asdict(after)
    changes = ", ".join(f"{field} {old[field]:,} to {new[field]:,}" for field in old)
    console.print(f"[green]✓[/] {name:<38} {changes.replace('_', ' ')}", soft_wrap=True)


def _find_stale(platform: "Platform") -> "Stale":
    from olist_assets.operations.stale import stale

    with console.status("Comparing the tables with what bronze gives now"):
        return stale(platform)


def _follow(
    platform: "Platform", start: "Callable[[OnEvent], RunReport]", request: "Request | None" = None
) -> "RunReport":
    """A run with its progress on the terminal."""
    from olist_assets.cli.progress import RunProgress

    with RunProgress(console, platform) as progress:
        report = start(progress.on_event)
    progress.summarize(report, request)
    return report
