"""A table rerun day by day, hundreds of times: seconds to write and to read it, with and without upkeep.

    python -m bench.reruns                      # 500 reruns each way, 8,000 rows in files of 500
    python -m bench.reruns --reruns 100

The table is larger than one file, so that each rerun leaves files behind; one that fits into a file is written whole
each time, and stays one file.
"""

import os
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import click

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.engine import write_plan as writes
from olist_assets.bronze.snapshots import BRONZE
from olist_assets.sample_data.generator import write_sample

SCALE, ROWS_PER_FILE, MAINTAIN_EVERY = 0.08, 500, 100


@click.command()
@click.option("--reruns", default=500, show_default=True)
@click.option("--every", default=50, show_default=True, help="A line for so many reruns: their medians.")
def main(reruns: int, every: int) -> None:
    """Rerun random days of silver_orders, first without upkeep, then with OPTIMIZE and VACUUM after each hundred."""
    writes.ROWS_PER_FILE = ROWS_PER_FILE
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["OLIST_DATA"] = str(Path(scratch) / "data")
        write_sample(Path(scratch) / "data", scale=SCALE)
        for maintained in (False, True):
            os.environ["OLIST_WAREHOUSE"] = str(Path(scratch) / f"warehouse-{maintained}")
            click.echo(f"\n{'with' if maintained else 'without'} upkeep")
            click.echo("reruns  write s  read s  files  on disk  log files")
            _measure(reruns, every, maintained=maintained)


def _measure(reruns: int, every: int, *, maintained: bool) -> None:
    from olist_assets.engine import upkeep as maintenance
    from olist_assets.engine.io_manager import DeltaIOManager
    from olist_assets.engine.source_reader import OlistSource
    from olist_assets.engine.resources import SchemaPolicy
    from olist_assets.engine.spark.session import Spark
    from olist_assets.operations.selection import ALL_DAYS, each_day
    from olist_assets.settings import Settings
    from olist_assets.silver.silver_orders import SILVER_ORDERS, silver_orders
    from olist_assets.contracts.source_files import SOURCES

    chance, settings, spark, policy = random.Random(1), Settings(), Spark(), SchemaPolicy()
    manager = DeltaIOManager(spark=spark, schema_policy=policy)
    manager.store(
        OlistSource(spark=spark, schema_policy=policy).read(SOURCES["orders"]), BRONZE["orders"], None, {"run_id": "0"}
    )
    path = str(lakehouse.table_path(settings, "bronze_orders"))
    write_seconds, read_seconds = [], []
    for number in range(reruns + 1):
        # The first write makes all days, the others one.
        first = ALL_DAYS[0] if number == 0 else chance.choice(each_day(ALL_DAYS))
        end = ALL_DAYS[1] if number == 0 else first
        started = time.monotonic()
        rows = silver_orders(spark.session.read.format("delta").load(path))
        span = writes.Span("order_date", first, end + timedelta(1))
        manager.store(rows, SILVER_ORDERS, span, {"run_id": str(number)})  # pyright: ignore[reportArgumentType]
        write_seconds.append(time.monotonic() - started)
        if maintained and number and number % MAINTAIN_EVERY == 0:
            config = maintenance.MaintenanceConfig(tables=["silver_orders"], retention_hours=0, force=True)
            list(maintenance.maintained(config, spark))
        started = time.monotonic()
        with lakehouse.connection({"t": lakehouse.open_table(settings, "silver_orders")}) as con:
            con.execute("SELECT order_date, count(*), avg(delivery_days) FROM t GROUP BY 1").fetchall()
        read_seconds.append(time.monotonic() - started)
        if number % every == 0:
            figures = maintenance.footprint(settings, "silver_orders")
            click.echo(
                f"{number:>6} {median(write_seconds[-every:]):>8.2f} {median(read_seconds[-every:]):>7.3f} "
                f"{figures.files:>6} {figures.files_on_disk:>8} {figures.log_files:>10}"
            )


if __name__ == "__main__":
    main()
