"""Commands that run the graph or its checks."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import click

from olist_assets.cli.options import FAILED, Day, console, select_option
from olist_assets.cli.setup import make_sample_if_none

if TYPE_CHECKING:
    from olist_assets.operations.runs import OnEvent, Request, RunReport
    from olist_assets.operations.stale import Stale


@click.command()
@click.option(
    "--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all; with days the daily]"
)
@click.option("--day", type=Day(), help="Only this day of the daily tables.")
@click.option("--days", type=Day(span=True), help="Only these days of the daily tables: A..B, both included.")
@click.option("--stale", "only_stale", is_flag=True, help="Only the days and tables that `olist stale` lists.")
@click.option("--upstream", is_flag=True, help="Also what these tables read and is not there.")
@click.option("--downstream", is_flag=True, help="Also the tables that are made from these.")
@click.option("--allow-schema-change", is_flag=True, help="Let a column of a source or table go or change its type.")
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
        raise click.UsageError("--day, --days and --stale exclude each other, and --stale selects by itself.")
    make_sample_if_none()
    from olist_assets.operations import runs
    from olist_assets.operations import selection

    span = day or days
    if only_stale:
        requests = runs.stale_requests(_look_for_stale(), downstream=downstream)
    else:
        chosen = select or (",".join(selection.DAILY_TABLES) if span else "*")
        span = selection.checked_days(span or selection.ALL_DAYS)
        names = selection.tables_to_make(chosen, span, upstream=upstream, downstream=downstream)
        requests = [runs.Request(names, span, allow_schema_change)]
    # Checks look at whole tables: a day that waits for the next run may fail one, and its last word counts.
    last_word = {}
    for request in requests:
        report = _followed(lambda on_event, request=request: runs.materialize(request, on_event), request)
        a_check_broke = report.failures and not report.failed_checks
        if a_check_broke or not request.tables <= report.made:
            return FAILED
        last_word |= {(check.asset_key, check.check_name): check in report.failed_checks for check in report.checks}
    return FAILED if any(last_word.values()) else 0


@click.command()
def stale() -> int:
    """List the days and tables that are not what the bronze tables give now; exit code 1 if there are any.

    Each is made anew in memory and compared: no clock is asked. `olist materialize --stale` makes just those.
    """
    from olist_assets.operations.selection import span_text, spans

    found = _look_for_stale()
    for name in found.tables:
        console.print(f"[yellow]stale[/] {name}")
    for days in spans(found.days):
        names = sorted({name for day, names in found.days.items() if days[0] <= day <= days[1] for name in names})
        console.print(f"[yellow]stale[/] {span_text(days):<24} {', '.join(names)}", soft_wrap=True)
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
    """Run checks without touching a table or starting Spark.

    \b
    olist checks
    olist checks --select gold_customer_metrics
    """
    from olist_assets.operations import runs
    from olist_assets.operations.selection import selected

    return 0 if _followed(lambda on_event: runs.run_checks(selected(select), on_event)).succeeded else FAILED


@click.command()
def monitor() -> int:
    """Take down the tables' versions and all durations, ask the dashboard's queries, and check freshness. No JVM."""
    from olist_assets.operations import runs

    return 0 if _followed(runs.monitor).succeeded else FAILED


@click.command()
@click.option("--select", help="Tables, in Dagster's selection syntax; commas unite.  [default: all that are made]")
@click.option("--retain-hours", type=click.IntRange(min=0), default=168, show_default=True, help="Keep younger files.")
@click.option("--force", is_flag=True, help="Let files younger than a week go: no run and no query may be under way.")
def maintain(select: str | None, retain_hours: int, *, force: bool) -> None:
    """Join small files, remove old files and old log entries, and show what that gave.

    \b
    olist maintain
    olist maintain --select silver_orders,silver_orders_master
    olist maintain --retain-hours 0 --force
    """
    from olist_assets.engine.upkeep import MaintenanceConfig, maintained
    from olist_assets.engine.spark.session import Spark
    from olist_assets.operations.selection import selected

    names = sorted(selected(select)) if select else []
    config = MaintenanceConfig(tables=names, retention_hours=retain_hours, force=force)
    for name, before, after in maintained(config, Spark()):
        changes = ", ".join(f"{figure} {before[figure]:,} to {after[figure]:,}" for figure in before)
        console.print(f"[green]✓[/] {name:<38} {changes.replace('_', ' ')}", soft_wrap=True)


def _look_for_stale() -> "Stale":
    from olist_assets.operations.stale import stale

    with console.status("Comparing the tables with what bronze gives now"):
        return stale()


def _followed(start: "Callable[[OnEvent], RunReport]", request: "Request | None" = None) -> "RunReport":
    """A run with its progress on the terminal."""
    from olist_assets.cli.progress import RunProgress

    with RunProgress(console) as progress:
        report = start(progress.on_event)
    progress.summarize(report, request)
    return report
