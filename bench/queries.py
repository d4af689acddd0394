"""The dashboard queries: seconds in a warm process and through the command line; what a month of a daily table reads.

python -m bench.queries                      # the warehouse in force, see `olist doctor`
OLIST_WAREHOUSE=... python -m bench.queries --month 2017-11
"""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import click
import pyarrow as pa
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, PROJECT
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.settings import Settings

QUERIES = PROJECT / "queries"
# Of each daily table a figure that a month is asked for.
DAILY = {
    "silver_orders": "avg(delivery_days)",
    "silver_orders_master": "sum(order_total_value)",
    "gold_daily_metrics": "sum(revenue)",
}
TIMES = 5
console = Console(highlight=False, width=120)


@click.command()
@click.option("--month", default="2018-05", show_default=True, help="The month asked of the daily tables.")
def main(month: str) -> None:
    """Time each query of queries/, and show what a question for a month reads of the daily tables."""
    grid = Grid(title=f"Queries, {Settings().warehouse_path}")
    grid.add_column("query", no_wrap=True)
    for heading in ("rows", "seconds in process", "olist sql -f", "tables"):
        grid.add_column(heading, justify="left" if heading == "tables" else "right")
    for path in sorted(QUERIES.glob("*.sql")):
        query = path.read_text()
        named = lakehouse.mentioned(query, tables())
        rows, seconds = len(asked(query)), seconds_of(lambda query=query: asked(query), TIMES)
        whole = seconds_of(lambda path=path: through_cli(path), 1)
        grid.add_row(path.stem, f"{rows:,}", f"{seconds:.3f}", f"{whole:.1f}", ", ".join(named))
    console.print(grid)
    for name, figure in DAILY.items():
        console.print(f"{name}, {month}: {pruning(name, figure, month)}", soft_wrap=True)


def asked(query: str) -> list[tuple]:
    """A query's rows, from opening the tables that it names to the last row."""
    opened = {name: lakehouse.open_table(Settings(), name) for name in lakehouse.mentioned(query, tables())}
    with lakehouse.connection(opened) as con:
        return con.execute(query).fetchall()


def through_cli(path: Path) -> None:
    """The query in a process of its own. Raises ClickException with what it said when it fails."""
    done = subprocess.run([OLIST, "sql", "-f", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stdout + done.stderr)


def seconds_of(work: Callable[[], object], times: int) -> float:
    """Median seconds of doing it so many times."""
    took = []
    for _ in range(times):
        started = time.monotonic()
        work()
        took.append(time.monotonic() - started)
    return median(took)


def pruning(name: str, figure: str, month: str) -> str:
    """Files and bytes of a table, those that hold the month by Delta's log, and bytes that DuckDB reads for it."""
    table = lakehouse.open_table(Settings(), name)
    files = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    holding = [f for f in files if f"{f['min.order_date']:%Y-%m}" <= month <= f"{f['max.order_date']:%Y-%m}"]
    query = f"SELECT {figure} FROM {name}"
    with lakehouse.connection({name: table}) as con:
        whole, part = (
            json.loads(con.execute(f"EXPLAIN (ANALYZE, FORMAT json) {text}").fetchall()[0][1])["io"]["total_bytes_read"]
            for text in (query, f"{query} WHERE order_date BETWEEN DATE '{month}-01' AND last_day(DATE '{month}-01')")
        )
    return (
        f"{size_of(files)}, of which {size_of(holding)} for the month; DuckDB reads {megabytes(part)} for {figure}, "
        f"{megabytes(whole)} without the filter"
    )


def size_of(files: list[dict]) -> str:
    return f"{len(files)} file{'s' * (len(files) != 1)} {megabytes(sum(file['size_bytes'] for file in files))}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
