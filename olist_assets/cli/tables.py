"""Commands that look at the tables, none of them with a JVM."""

import click
from rich.console import Console
from rich.table import Table as Grid

from olist_assets.cli.options import WIDTH, console
from olist_assets.settings import Settings


@click.command()
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


@click.command()
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
