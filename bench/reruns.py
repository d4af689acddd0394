"""Hundreds of reruns of single days of one table: seconds to write and to read it, with and without upkeep.

The table is larger than one file, so that each rerun leaves old files behind. A table that fits into one file is
written whole each time and stays one file.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import click

from bench.harness import engine_option
from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import Calendar, each_day
from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine import write_plan
from olist_assets.engine.choice import engine_of
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.source_reader import SourceReader
from olist_assets.engine.upkeep import footprint, maintain
from olist_assets.engine.write_plan import Span
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import EngineName, Settings
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS, silver_customers
from olist_assets.silver.silver_orders import SILVER_ORDERS, silver_orders
from olist_assets.source.days import source_calendar

SCALE, ROWS_PER_FILE, MAINTAIN_EVERY = 0.08, 500, 100


@click.command()
@click.option("--reruns", default=500, show_default=True)
@click.option("--every", default=50, show_default=True, help="Reruns per printed line, which has their medians.")
@engine_option
def main(reruns: int, every: int, engine: EngineName) -> None:
    """Rerun random days of silver_orders, first without upkeep, then with upkeep after each hundred.

    \b
    python -m bench.reruns                      500 reruns each, 8,000 rows in files of 500
    python -m bench.reruns --engine spark --reruns 100
    """
    write_plan.ROWS_PER_FILE = ROWS_PER_FILE
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
        data = Path(scratch, "data")
        write_sample(data, scale=SCALE)
        for maintained in (False, True):
            settings = Settings(data=data, warehouse=str(Path(scratch, f"warehouse-{maintained}")), engine=engine)
            click.echo(f"\n{engine}, {'with' if maintained else 'without'} upkeep")
            click.echo("reruns  write s  read s  files  on disk  log files")
            _measure(Table(settings), reruns, every, maintained=maintained)


class Table:
    """silver_orders in a new warehouse, with the orders that it is made from."""

    def __init__(self, settings: Settings) -> None:
        self.warehouse, self.engine = Warehouse(settings, catalog()), engine_of(settings)
        with self.warehouse.sql() as con:
            self.calendar: Calendar = source_calendar(con, settings)
        self._manager = DeltaIOManager(
            warehouse=self.warehouse, engine=self.engine, schema_policy=SchemaPolicy(), calendar=self.calendar
        )
        reader = SourceReader(self.warehouse, self.engine, allow_change=False)
        self._manager.store(reader.read(SOURCES["orders"]), BRONZE["orders"], None, {"run_id": "0"})
        customers = reader.read(SOURCES["customers"])
        self._manager.store(silver_customers(customers), SILVER_CUSTOMERS, None, {"run_id": "0"})

    def write(self, span: Span, run_id: str) -> None:
        """Write the rows of a span of days."""
        orders, customers = (
            self.engine.read_table(self.warehouse.open(table.name)) for table in (BRONZE["orders"], SILVER_CUSTOMERS)
        )
        self._manager.store(silver_orders(orders, customers), SILVER_ORDERS, span, {"run_id": run_id})

    def read(self) -> None:
        """Read all days with a typical query."""
        with self.warehouse.sql({"t": self.warehouse.open(SILVER_ORDERS.name)}) as con:
            con.execute("SELECT order_date, count(*), avg(delivery_days) FROM t GROUP BY 1").fetchall()


@dataclass(frozen=True)
class Rerun:
    """The seconds of one rerun and of a query after it."""

    write: float
    read: float


def _measure(table: Table, reruns: int, every: int, *, maintained: bool) -> None:
    done: list[Rerun] = []
    for number, rerun in enumerate(_reruns(table, reruns, maintained=maintained)):
        done.append(rerun)
        if number % every == 0:
            recent, size = done[-every:], footprint(table.warehouse, SILVER_ORDERS.name)
            click.echo(
                f"{number:>6} {median(one.write for one in recent):>8.2f} {median(one.read for one in recent):>7.3f} "
                f"{size.files:>6} {size.files_on_disk:>8} {size.log_files:>10}"
            )


def _reruns(table: Table, reruns: int, *, maintained: bool) -> Iterator[Rerun]:
    """The first write, of all days, and then the reruns, of one random day each."""
    chance, days = random.Random(1), each_day(table.calendar.days)
    for number in range(reruns + 1):
        day = chance.choice(days)
        first, last = (day, day) if number else table.calendar.days
        started = time.monotonic()
        table.write(Span("order_date", first, last + timedelta(1)), str(number))
        written = time.monotonic() - started
        if maintained and number and number % MAINTAIN_EVERY == 0:
            maintain(
                table.warehouse, table.engine, lambda *_: None,
                names=[SILVER_ORDERS.name], retention_hours=0, force=True,
            )  # fmt: skip
        started = time.monotonic()
        table.read()
        yield Rerun(written, time.monotonic() - started)


if __name__ == "__main__":
    main()
