"""Commands that read the tables, without an engine."""

import re
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table as Grid

from olist_assets.cli.options import FAILED, WIDTH, SafeConsole, console, format_option
from olist_assets.errors import OlistError
from olist_assets.settings import Settings


class Moment(click.ParamType):
    """A point in time in ISO 8601, in UTC unless it has a zone; a date alone is its first moment."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2018-10-17 or 2018-10-17T12:30:00", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.argument("query", required=False)
@click.option("-f", "--file", help="A file with the query, or the name of a packaged one; - is standard input.")
@click.option("--version", type=int, help="The table of the query at this version.")
@click.option("--as-of", type=Moment(), help="All tables at this time: an ISO date or timestamp, UTC.")
@format_option
@click.option("--escape-formulas", is_flag=True, help="In CSV: no cell is a formula for a spreadsheet.")
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
def sql(
    query: str | None,
    file: str | None,
    version: int | None,
    as_of: datetime | None,
    *,
    form: str,
    escape_formulas: bool,
    role: str | None,
) -> None:
    """Query the tables, by bare name, in DuckDB's SQL.

    \b
    olist sql "SELECT * FROM gold_daily_metrics ORDER BY revenue DESC LIMIT 10"
    olist sql "DESCRIBE gold_customer_metrics"
    olist sql -f kpis
    olist sql -f cohort_retention --format csv > retention.csv
    olist sql "FROM silver_order_reviews" --format csv --escape-formulas > reviews.csv
    olist sql -f my_query.sql
    olist sql --version 3 "SELECT count(*) FROM silver_orders"
    olist sql --as-of "2026-01-31 18:00" "FROM gold_daily_metrics"
    olist sql --as analyst "FROM gold_customer_metrics"
    """
    if version is not None and as_of:
        raise click.UsageError("--version and --as-of exclude each other.")
    if escape_formulas and form != "csv":
        raise click.UsageError("--escape-formulas is for --format csv.")
    text = _one_query(query, file)
    from olist_assets.catalog import catalog
    from olist_assets.governance.access import print_answer
    from olist_assets.lakehouse.warehouse import Warehouse

    warehouse, opener = Warehouse(Settings(), catalog()), None
    if version is not None or as_of:
        from olist_assets.lakehouse import time_travel

        if as_of:
            opener = time_travel.at_time(warehouse, as_of)
        else:
            opener = time_travel.at_version(warehouse, text, int(version or 0))
    print_answer(warehouse, text, form, opener, role=role, escape_formulas=escape_formulas)


def _one_query(query: str | None, file: str | None) -> str:
    if query is not None and file is None:
        return query
    if query is not None or file is None:
        raise click.UsageError("Give either a QUERY or a file with --file.")
    if file != "-" and not Path(file).exists() and re.fullmatch(r"\w+", file):
        from olist_assets.lakehouse.packaged_queries import packaged_query

        return packaged_query(file)
    try:
        with click.open_file(file, encoding="utf-8-sig") as opened:
            return opened.read()
    except UnicodeDecodeError:
        raise OlistError(f"{file} is not UTF-8.") from None
    except OSError as error:
        raise OlistError(f"{file} cannot be read: {error.strerror}.") from None


@click.command()
def tables() -> None:
    """All tables: rows, files, size, version and when they were last written.

    \b
    olist tables
    """
    from olist_assets.catalog import catalog
    from olist_assets.lakehouse.statistics import statistics, written_at
    from olist_assets.lakehouse.warehouse import Warehouse

    warehouse = Warehouse(Settings(), catalog())
    grid = Grid(title=f"Tables in {warehouse.root}")
    grid.add_column("table", no_wrap=True)
    for heading in ("rows", "files", "MB", "version"):
        grid.add_column(heading, justify="right")
    grid.add_column("written (UTC)", no_wrap=True)
    existing = warehouse.existing_tables()
    for name in warehouse.catalog.tables:
        if name not in existing:
            grid.add_row(name, "-", "-", "-", "-", "not made yet")
            continue
        found = statistics(existing[name])
        counts = (f"{found.rows:,}", str(found.files), f"{found.bytes / 1e6:.1f}", str(existing[name].version()))
        grid.add_row(name, *counts, f"{written_at(existing[name]):%Y-%m-%d %H:%M}")
    # Truncated numbers would be worse than a line that a narrow terminal breaks.
    SafeConsole(width=max(console.width, WIDTH)).print(grid)


@click.command()
@click.argument("table")
@click.option("--docs", type=click.Path(path_type=Path, file_okay=False), help="Write Data Docs into this folder.")
def expectations(table: str, docs: Path | None) -> int:
    """Run a table's contract as suites of Great Expectations, which is the extra gx; exit code 1 if one is not met.

    Each check of the contract is a line; those that Great Expectations cannot express are named in the last one.

    \b
    olist expectations silver_orders
    olist expectations silver_orders --docs data_docs
    """
    from olist_assets.operations.expectations import expectations as run
    from olist_assets.operations.platform import Platform

    report = run(Platform(Settings()), table, docs)
    for outcome in report.outcomes:
        mark = "[green]✓[/]" if outcome.met else "[red]✗[/]" if outcome.check.blocking else "[yellow]![/]"
        console.print(f"{mark} {outcome.check.name}")
        for problem in outcome.problems:
            console.print(f"    {escape(problem)}", soft_wrap=True)
    if report.not_expressible:
        names = ", ".join(check.name for check in report.not_expressible)
        console.print(f"Not expressible: {names}", soft_wrap=True)
    if report.page:
        console.print(f"Data Docs: {escape(report.page)}", soft_wrap=True)
    return 0 if all(outcome.met for outcome in report.outcomes) else FAILED
