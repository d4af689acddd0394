"""Commands that look at the tables, none of them with a JVM."""

from datetime import UTC, datetime
from io import TextIOWrapper

import click
from rich.console import Console
from rich.table import Table as Grid

from olist_assets.cli.options import WIDTH, console
from olist_assets.settings import Settings


class Moment(click.ParamType):
    """A point in time in ISO 8601, UTC where it names no zone; a date alone is its first moment."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2018-10-17 or 2018-10-17T12:30:00", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.argument("query", required=False)
@click.option("-f", "--file", type=click.File(encoding="utf-8-sig"), help="A file with the query; - is standard input.")
@click.option("--version", type=int, help="The one table that the query names as it was at this version.")
@click.option("--as-of", type=Moment(), help="All tables as they were then: an ISO date or timestamp, UTC.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--as", "role", help="A role of governance.yaml.  [default: OLIST_ROLE]")
def sql(
    query: str | None,
    file: TextIOWrapper | None,
    version: int | None,
    as_of: datetime | None,
    *,
    form: str,
    role: str | None,
) -> None:
    """Ask the tables, by bare name, in DuckDB's SQL.

    \b
    olist sql "SELECT * FROM gold_daily_metrics ORDER BY revenue DESC LIMIT 10"
    olist sql "DESCRIBE gold_customer_metrics"
    olist sql -f queries/kpis.sql
    olist sql -f queries/cohort_retention.sql --format csv > retention.csv
    olist sql --version 3 "SELECT count(*) FROM silver_orders"
    olist sql --as-of "2026-01-31 18:00" "FROM gold_daily_metrics"
    olist sql --as analyst "FROM gold_customer_metrics"
    """
    if version is not None and as_of:
        raise click.UsageError("--version and --as-of exclude each other.")
    query = _one_query(query, file)
    from olist_assets.lakehouse.warehouse import warehouse as lakehouse
    from olist_assets.lakehouse.warehouse import time_travel
    from olist_assets.governance.access import answer

    opener = lakehouse.open_table
    if version is not None:
        opener = time_travel.at_version(query, version)
    elif as_of:
        opener = time_travel.at_time(as_of)
    answer(Settings(), query, form, opener, role=role)


def _one_query(query: str | None, file: TextIOWrapper | None) -> str:
    if query is not None and file is None:
        return query
    if query is not None or file is None:
        raise click.UsageError("Give either a QUERY or a file with --file.")
    try:
        return file.read()
    except UnicodeDecodeError:
        raise click.UsageError(f"{file.name} is not UTF-8.") from None


@click.command()
def tables() -> None:
    """All tables: rows, files, size, version and when they were last written."""
    from olist_assets.lakehouse.warehouse import warehouse as lakehouse
    from olist_assets.catalog import all_tables

    settings = Settings()
    grid = Grid(title=f"Tables in {settings.warehouse_path}")
    grid.add_column("table", no_wrap=True)
    for heading in ("rows", "files", "MB", "version"):
        grid.add_column(heading, justify="right")
    grid.add_column("written (UTC)", no_wrap=True)
    made = lakehouse.made(settings, all_tables())
    for name in all_tables():
        if name not in made:
            grid.add_row(name, "-", "-", "-", "-", "not made yet")
            continue
        table = made[name]
        figures, written = lakehouse.statistics(table), lakehouse.written_at(table)
        counts = (f"{figures['rows']:,}", str(figures["files"]), f"{figures['bytes'] / 1e6:.1f}", str(table.version()))
        grid.add_row(name, *counts, f"{written:%Y-%m-%d %H:%M}")
    # Numbers cut short would be worse than a line that a narrow terminal breaks.
    Console(width=max(console.width, WIDTH)).print(grid)
