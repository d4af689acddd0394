"""The packaged queries: seconds in a warm process and through the command line; bytes read for one month.

python -m bench.queries                      # the warehouse of the environment, see `olist doctor`
OLIST_WAREHOUSE=... python -m bench.queries --month 2017-11
"""

import json
import subprocess
import time
from collections.abc import Callable
from statistics import median

import click
import pyarrow as pa
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST
from olist_assets.catalog import catalog
from olist_assets.lakehouse.packaged_queries import packaged_query, query_files
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

# One aggregate per daily table, which is asked for one month.
DAILY = {
    "silver_orders": "avg(delivery_days)",
    "silver_orders_master": "sum(order_total_value)",
    "gold_daily_metrics": "sum(revenue)",
}
REPEATS = 5
console = Console(highlight=False, width=120)


@click.command()
@click.option("--month", default="2018-05", show_default=True, help="The month asked of the daily tables.")
def main(month: str) -> None:
    """Time each packaged query, and show how much of the daily tables a query for one month reads."""
    warehouse = Warehouse(Settings(), catalog())
    grid = Grid(title=f"Queries, {warehouse.root}")
    grid.add_column("query", no_wrap=True)
    for heading in ("rows", "seconds in process", "olist sql -f", "tables"):
        grid.add_column(heading, justify="left" if heading == "tables" else "right")
    for name in (path.stem for path in query_files()):
        query = packaged_query(name)
        named = tables_named(query, warehouse.catalog.tables)
        rows = len(query_rows(warehouse, query))
        seconds = median_seconds(lambda query=query: query_rows(warehouse, query), REPEATS)
        whole = median_seconds(lambda name=name: run_command(name), 1)
        grid.add_row(name, f"{rows:,}", f"{seconds:.3f}", f"{whole:.1f}", ", ".join(named))
    console.print(grid)
    for name, aggregate in DAILY.items():
        console.print(f"{name}, {month}: {pruning(warehouse, name, aggregate, month)}", soft_wrap=True)


def query_rows(warehouse: Warehouse, query: str) -> list[tuple]:
    """The rows of a query, including the opening of its tables."""
    opened = {name: warehouse.open(name) for name in tables_named(query, warehouse.catalog.tables)}
    with warehouse.sql(opened) as con:
        return con.execute(query).fetchall()


def run_command(name: str) -> None:
    """Run the query in a process of its own. Raises ClickException with its output if it fails."""
    done = subprocess.run([OLIST, "sql", "-f", name], capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stdout + done.stderr)


def median_seconds(work: Callable[[], object], times: int) -> float:
    """Median seconds of several calls."""
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        work()
        seconds.append(time.monotonic() - started)
    return median(seconds)


def pruning(warehouse: Warehouse, name: str, aggregate: str, month: str) -> str:
    """Files of a table, those with days of the month according to Delta's log, and the bytes that DuckDB reads."""
    table, day = warehouse.open(name), warehouse.catalog.table(name).day
    files = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    of_month = [f for f in files if f"{f[f'min.{day}']:%Y-%m}" <= month <= f"{f[f'max.{day}']:%Y-%m}"]
    query = f"SELECT {aggregate} FROM {name}"
    with warehouse.sql({name: table}) as con:
        whole, part = (
            json.loads(con.execute(f"EXPLAIN (ANALYZE, FORMAT json) {text}").fetchall()[0][1])["io"]["total_bytes_read"]
            for text in (query, f"{query} WHERE {day} BETWEEN DATE '{month}-01' AND last_day(DATE '{month}-01')")
        )
    return (
        f"{files_text(files)}, of which {files_text(of_month)} for the month; DuckDB reads {megabytes(part)} for "
        f"{aggregate}, {megabytes(whole)} without the filter"
    )


def files_text(files: list[dict]) -> str:
    return f"{len(files)} file{'s' * (len(files) != 1)} {megabytes(sum(file['size_bytes'] for file in files))}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
