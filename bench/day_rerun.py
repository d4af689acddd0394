"""A rerun of one day: its cost cold and in a warm process, and the files of the daily tables that it replaces."""

import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import click
import pyarrow as pa

from bench.harness import OLIST, engines_option, environment, measure, settings_of
from bench.warm_days import warm_command, warm_seconds
from olist_assets.catalog import catalog
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import EngineName, Settings

File = tuple[int, str, str]
"""Bytes, first and last day."""


@click.command()
@click.option("--scale", default=1.0, show_default=True)
@click.option("--own-data", is_flag=True, help="OLIST_DATA instead of a sample.")
@click.option("--day", default="2017-11-24", show_default=True)
@engines_option
def main(scale: float, day: str, engines: tuple[EngineName, ...], *, own_data: bool) -> None:
    """Make the daily tables once, then one day of them, twice cold; then several days in one process.

    \b
    python -m bench.day_rerun                    the sample at scale 1
    python -m bench.day_rerun --scale 10 --engine sail
    OLIST_DATA=... python -m bench.day_rerun --own-data --engine sail --engine spark
    """
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
        data = Settings().data if own_data else Path(scratch, "data")
        if not own_data:
            write_sample(data, scale=scale)
        for engine in engines:
            click.echo(f"\n{engine}")
            _measure_days(environment(data, Path(scratch, engine), engine), day)


def _measure_days(env: Mapping[str, str], day: str) -> None:
    tables = catalog().daily_tables
    warehouse = Warehouse(settings_of(env), catalog())
    everything = measure([OLIST, "materialize", "--select", ",".join(tables), "--upstream"], env)
    click.echo(f"all days, with the tables upstream: {everything}")
    for _ in range(2):
        before = {name: _files(warehouse, name) for name in tables}
        click.echo(f"{day}, cold: {measure([OLIST, 'materialize', '--day', day], env)}")
        for name in tables:
            click.echo(f"  {name:<22} {_changes(before[name], _files(warehouse, name), day)}")
    warm = measure(warm_command(date.fromisoformat(day) + timedelta(1)), env)
    first, *later = warm_seconds(warm.output)
    click.echo(f"in one process: {first:.1f} s, then {', '.join(f'{seconds:.1f}' for seconds in later)} s")
    click.echo(f"  that process: {warm}")


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
