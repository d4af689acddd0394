"""A rerun of one day: seconds cold through the command line, and the files of the daily tables that it replaces.

python -m bench.day_rerun                    # the sample at scale 1
python -m bench.day_rerun --scale 10
OLIST_DATA=... python -m bench.day_rerun --own-data
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import pyarrow as pa

from bench.harness import OLIST, environment, measure, settings_of
from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import Settings

File = tuple[int, str, str]
"""Bytes, first and last day."""


@click.command()
@click.option("--scale", default=1.0, show_default=True)
@click.option("--own-data", is_flag=True, help="OLIST_DATA instead of a sample.")
@click.option("--day", default="2017-11-24", show_default=True)
def main(scale: float, day: str, *, own_data: bool) -> None:
    """Make the daily tables once, then one day of them, twice."""
    tables = catalog().daily_tables
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
        data = Settings().data if own_data else Path(scratch, "data")
        if not own_data:
            write_sample(data, scale=scale)
        env = environment(data, Path(scratch, "home"))
        warehouse = Warehouse(settings_of(env), catalog())
        everything = _seconds(env, "--select", ",".join(tables), "--upstream")
        click.echo(f"all days, with the tables upstream: {everything:.1f} s")
        for _ in range(2):
            before = {name: _files(warehouse, name) for name in tables}
            click.echo(f"{day}: {_seconds(env, '--day', day):.1f} s cold")
            for name in tables:
                click.echo(f"  {name:<22} {_changes(before[name], _files(warehouse, name), day)}")


def _seconds(env: Mapping[str, str], *words: str) -> float:
    return measure([OLIST, "materialize", *words], env).seconds


def _files(warehouse: Warehouse, name: str) -> dict[str, File]:
    """The files of a table by path."""
    actions = pa.table(warehouse.open(name).get_add_actions(flatten=True)).to_pylist()
    day = warehouse.catalog.table(name).day
    return {a["path"]: (a["size_bytes"], str(a[f"min.{day}"]), str(a[f"max.{day}"])) for a in actions}


def _changes(before: Mapping[str, File], after: Mapping[str, File], day: str) -> str:
    sizes = {
        "total": [size for size, _, _ in before.values()],
        "with the day": [size for size, first, last in before.values() if first <= day <= last],
        "replaced": [size for path, (size, _, _) in before.items() if path not in after],
        "written": [size for path, (size, _, _) in after.items() if path not in before],
    }
    return ", ".join(f"{what} {len(found)} files {sum(found) / 1e6:.1f} MB" for what, found in sizes.items())


if __name__ == "__main__":
    main()
