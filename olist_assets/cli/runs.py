"""Commands that run the graph or its checks."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import click

from olist_assets.cli.options import FAILED, Day, console, select_option
from olist_assets.cli.setup import make_sample_if_none

if TYPE_CHECKING:
    from olist_assets.runs import OnEvent, RunReport


@click.command()
@select_option
@click.option("--day", type=Day(), help="Only this day of the daily tables.")
@click.option("--days", type=Day(span=True), help="Only these days of the daily tables: A..B, both included.")
def materialize(select: str, day: tuple[date, date] | None, days: tuple[date, date] | None) -> int:
    """Make tables and run their checks.

    \b
    olist materialize                                    everything
    olist materialize --select group:silver              a layer
    olist materialize --select "+gold_daily_metrics"     a table and those it reads
    olist materialize --select silver_orders,silver_orders_master --day 2017-11-24
    olist materialize --select gold_daily_metrics --days 2017-11-01..2017-11-30
    """
    if day and days:
        raise click.UsageError("--day and --days exclude each other.")
    make_sample_if_none()
    from olist_assets import runs

    return _followed(lambda on_event: runs.materialize(select, day or days or runs.ALL_DAYS, on_event))


@click.command()
@select_option
def checks(select: str) -> int:
    """Run checks without touching a table or starting Spark.

    \b
    olist checks
    olist checks --select gold_customer_metrics
    """
    from olist_assets import runs

    return _followed(lambda on_event: runs.run_checks(select, on_event))


def _followed(start: "Callable[[OnEvent], RunReport]") -> int:
    """A run with its progress on the terminal; gives the exit code."""
    from olist_assets.progress import RunProgress

    with RunProgress(console) as progress:
        report = start(progress.on_event)
    progress.summarize(report)
    return 0 if report.succeeded else FAILED
