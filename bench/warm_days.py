"""Reruns of single days in one process, whose engine is warm after the first: seconds of each, with all checks."""

import re
import sys
import time
from datetime import date, timedelta

import click

from olist_assets.cli.options import Day
from olist_assets.contracts.calendar import Days
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import materialize, requested
from olist_assets.settings import Settings

DAYS = 5
LINE = re.compile(r"^\d{4}-\d\d-\d\d: ([\d.]+) s", re.MULTILINE)


@click.command()
@click.argument("days", nargs=-1, required=True, type=Day())
def main(days: tuple[Days, ...]) -> None:
    """Make each day of the daily tables in the warehouse of the environment, which must have the tables upstream.

    \b
    python -m bench.warm_days 2017-11-24 2017-11-25 2017-11-26
    """
    platform = Platform(Settings())
    for day in days:
        started = time.monotonic()
        report = materialize(*requested(platform, None, day), lambda *_: None)
        seconds = time.monotonic() - started
        if not report.succeeded:
            failed = [str(check.check_name) for check in report.failed_checks]
            raise click.ClickException(f"{day[0]}: {report.failures or failed or report.problem}")
        click.echo(f"{day[0]}: {seconds:.2f} s, {len(report.rows)} tables, {len(report.checks)} checks")


def warm_command(first: date) -> list[str]:
    """The command that makes several days, one after the other."""
    days = [str(first + timedelta(number)) for number in range(DAYS)]
    return [sys.executable, "-W", "ignore", "-m", "bench.warm_days", *days]


def warm_seconds(output: str) -> list[float]:
    """Seconds of each day in the output of the command; the first is not warm yet."""
    return [float(seconds) for seconds in LINE.findall(output)]


if __name__ == "__main__":
    main()
