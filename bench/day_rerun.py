"""A day's rerun: seconds cold through the command line, and the files and bytes of the daily tables that it touches.

python -m bench.day_rerun                    # the sample at scale 1
python -m bench.day_rerun --scale 10
OLIST_DATA=... python -m bench.day_rerun --own-data
"""

import os
import tempfile
from pathlib import Path

import click
import pyarrow as pa
from deltalake import DeltaTable

from bench.harness import OLIST, environment, measured
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import Settings

TABLES = ("silver_orders", "silver_orders_master", "gold_daily_metrics")


@click.command()
@click.option("--scale", default=1.0, show_default=True)
@click.option("--own-data", is_flag=True, help="OLIST_DATA instead of a sample.")
@click.option("--day", default="2017-11-24", show_default=True)
def main(scale: float, day: str, *, own_data: bool) -> None:
    """Make the daily tables once, then a day of them, twice."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Settings().data if own_data else Path(scratch, "data")
        if not own_data:
            write_sample(data, scale=scale)
        os.environ |= environment(data, Path(scratch, "home"))
        whole = _seconds("--select", ",".join(TABLES), "--upstream")
        click.echo(f"all days, and what they read: {whole:.1f} s")
        for _ in range(2):
            before = {name: _files(name) for name in TABLES}
            click.echo(f"{day}: {_seconds('--day', day):.1f} s cold")
            for name in TABLES:
                click.echo(f"  {name:<22} {_touched(before[name], _files(name), day)}")


def _seconds(*words: str) -> float:
    return measured([OLIST, "materialize", *words], os.environ).seconds


def _files(name: str) -> dict[str, tuple[int, str, str]]:
    """Bytes, first and last day of each file of a table."""
    table: DeltaTable = lakehouse.open_table(Settings(), name)
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return {a["path"]: (a["size_bytes"], str(a["min.order_date"]), str(a["max.order_date"])) for a in actions}


def _touched(before: dict[str, tuple[int, str, str]], after: dict[str, tuple[int, str, str]], day: str) -> str:
    holding = [size for size, first, last in before.values() if first <= day <= last]
    written = [size for path, (size, _, _) in after.items() if path not in before]
    replaced = [size for path, (size, _, _) in before.items() if path not in after]
    figures = {"in all": [size for size, _, _ in before.values()], "hold the day": holding}
    figures |= {"replaced": replaced, "written": written}
    return ", ".join(f"{what} {len(sizes)} files {sum(sizes) / 1e6:.1f} MB" for what, sizes in figures.items())


if __name__ == "__main__":
    main()
