"""`olist`: the platform from a terminal. Exit codes: 0 done, 1 a table or check failed, 2 wrong use or input."""

import os
import sys
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.errors import OlistError
from olist_assets.settings import SAMPLE_DATA, Settings

if TYPE_CHECKING:
    from olist_assets.runs import OnEvent, RunReport

# Dagster, Spark and DuckDB are imported where a command needs them: `--help` must not wait for them, and the days of
# the daily tables are read from the data as the tables' modules are imported.
FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
WIDTH = 100
console = Console(highlight=False)
select_option = click.option(
    "--select", default="*", show_default=True, help="Tables, in Dagster's selection syntax; commas unite."
)


class Day(click.ParamType):
    """A calendar day, or with `span` two of them: 2017-11-01..2017-11-30."""

    name = "day"

    def __init__(self, *, span: bool = False) -> None:
        self._parts, self._form = (2, "span like 2017-11-01..2017-11-30") if span else (1, "day like 2017-11-24")

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, date]:
        try:
            days = [date.fromisoformat(text) for text in value.split("..")]
        except ValueError:
            days = []
        if len(days) != self._parts:
            self.fail(f"{value!r} is not a {self._form}", param, ctx)
        return days[0], days[-1]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="olist-assets")
def olist() -> None:
    """The Olist lakehouse: CSV files to bronze, silver and gold Delta tables, with checks."""


@olist.command()
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
    _make_sample_if_none()
    from olist_assets import runs

    return _followed(lambda on_event: runs.materialize(select, day or days or runs.ALL_DAYS, on_event))


@olist.command()
@select_option
def checks(select: str) -> int:
    """Run checks without touching a table or starting Spark.

    \b
    olist checks
    olist checks --select gold_customer_metrics
    """
    from olist_assets import runs

    return _followed(lambda on_event: runs.run_checks(select, on_event))


@olist.command()
@click.argument("query")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def sql(query: str, form: str) -> None:
    """Ask the tables, by bare name, in DuckDB's SQL.

    \b
    olist sql "SELECT * FROM gold_daily_metrics ORDER BY revenue DESC LIMIT 10"
    olist sql "DESCRIBE gold_customer_metrics"
    olist sql --format csv "FROM silver_orders" > orders.csv
    """
    from olist_assets import lakehouse

    lakehouse.answer(Settings(), query, form)


@olist.command()
def tables() -> None:
    """All tables: rows, files, size, version and when they were last written."""
    from olist_assets import lakehouse
    from olist_assets.catalog import tables as contracts

    settings = Settings()
    grid = Grid(title=f"Tables in {settings.warehouse_path}")
    grid.add_column("table", no_wrap=True)
    for heading in ("rows", "files", "MB", "version"):
        grid.add_column(heading, justify="right")
    grid.add_column("written (UTC)", no_wrap=True)
    made = lakehouse.made(settings, contracts())
    for name in contracts():
        if name not in made:
            grid.add_row(name, "-", "-", "-", "-", "not made yet")
            continue
        table = made[name]
        figures, written = lakehouse.statistics(table), lakehouse.written_at(table)
        counts = (f"{figures['rows']:,}", str(figures["files"]), f"{figures['bytes'] / 1e6:.1f}", str(table.version()))
        grid.add_row(name, *counts, f"{written:%Y-%m-%d %H:%M}")
    # Numbers cut short would be worse than a line that a narrow terminal breaks.
    Console(width=max(console.width, WIDTH)).print(grid)


@olist.command()
def doctor() -> int:
    """Print the settings in force and what is wrong with them."""
    from olist_assets.doctor import examined

    settings, wrong = Settings(), 0
    for name, value in settings.model_dump().items():
        console.print(f"  OLIST_{name.upper():<16} {value}", soft_wrap=True)
    for found in examined(settings):
        wrong += found.is_problem
        mark = "[red]✗[/]" if found.is_problem else "[green]✓[/]"
        console.print(f"{mark} {found.subject:<16} {found.text}", soft_wrap=True)
    return FAILED if wrong else 0


@olist.command("sample-data")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--scale", type=float, default=1.0, show_default=True, help="1 is 99,441 orders; 0.01 to 100.")
@click.option("--seed", type=int, default=42, show_default=True, help="The same seed gives the same bytes.")
@click.option("--dirty", is_flag=True, help="Add broken records and print how many of which kind.")
def sample_data(directory: Path, scale: float, seed: int, dirty: bool) -> None:
    """Write a synthetic dataset with the shape of the real one.

    \b
    olist sample-data data/sample
    olist sample-data /tmp/large --scale 10
    olist sample-data /tmp/dirty --scale 0.1 --dirty
    """
    _write_sample(directory, scale=scale, seed=seed, dirty=dirty)


@olist.command()
@click.option("--port", type=int, default=3000, show_default=True)
def ui(port: int) -> None:
    """Open Dagster's UI and daemon on the loopback address; stop them with Ctrl-C."""
    from olist_assets.runs import dagster_environment

    home = dagster_environment()
    command = ["dagster", "dev", "-w", str(home / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    console.print(f"http://127.0.0.1:{port} (Ctrl-C ends it)")
    os.execv(Path(sys.executable).with_name("dagster"), command)


def _followed(start: "Callable[[OnEvent], RunReport]") -> int:
    """A run with its progress on the terminal; gives the exit code."""
    from olist_assets.progress import RunProgress

    with RunProgress(console) as progress:
        report = start(progress.on_event)
    progress.summarize(report)
    return 0 if report.succeeded else FAILED


def _make_sample_if_none() -> None:
    settings = Settings()
    if settings.data == SAMPLE_DATA and not settings.data.exists():
        console.print(f"There is no data yet: writing a synthetic sample to {SAMPLE_DATA} (OLIST_DATA names your own).")
        _write_sample(settings.data, scale=1.0, seed=42, dirty=False)


def _write_sample(directory: Path, *, scale: float, seed: int, dirty: bool) -> None:
    from olist_assets.sample_data.generator import write_sample

    with console.status("") as status:
        try:
            summary = write_sample(
                directory,
                scale=scale,
                seed=seed,
                dirty=dirty,
                on_progress=lambda table, rows: status.update(f"{table}: {rows:,} records"),
            )
        except (ValueError, OSError) as error:
            raise OlistError(str(error)) from error
    for table, rows in summary.rows.items():
        console.print(f"  {table:<30} {rows:>12,} records")
    for (table, reason), rows in summary.injected.items():
        console.print(f"  broken: {table:<22} {rows:>12,} {reason}")
    console.print(f"Written to {directory}", soft_wrap=True)


def main() -> None:
    """Entry point: a user's mistake is a message, not a stack trace."""
    # That Dagster calls parts of its interface beta is its maintainers' news, not this command's user's.
    warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
    try:
        code = olist.main(prog_name="olist", standalone_mode=False) or 0
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except OlistError as error:
        code = _refused(str(error))
    except ValidationError as error:
        wrong = (
            f"OLIST_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']} (it is {e['input']!r})" for e in error.errors()
        )
        code = _refused("; ".join(wrong))
    except SettingsError as error:
        code = _refused(f"{error}: OLIST_SPARK_CONF must be a JSON object.")
    except (click.Abort, KeyboardInterrupt):
        console.print("Stopped. Finished tables stay; the others are as they were.")
        code = INTERRUPTED
    sys.exit(code)


def _refused(message: str) -> int:
    Console(stderr=True, highlight=False).print(f"[red]Error:[/] {escape(message)}", soft_wrap=True)
    return WRONG_USE
