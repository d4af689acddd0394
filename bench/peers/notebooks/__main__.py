"""The same lakehouse made by a set of notebooks: plain PySpark with the default settings of Spark and Delta.

    python -m bench.peers.notebooks DATA_FOLDER WAREHOUSE_FOLDER [--lean]

Four notebooks run in one session. Each reads its tables from Delta and prints a count after each write; with --lean,
they count nothing and shuffle into two partitions. They use the usual idioms and none of the platform's code except the
download of Delta's JARs. The tables are those of the platform, with the same rows and meaning. They leave out:

- contracts, checks, the event log, the catalog and lineage;
- rejects: a row without a key is dropped silently, and text in a column of numbers or dates stops the notebook;
- checks of the files' headers and encoding, records that do not parse, and text exactly as received (zip codes are
  read as numbers, and line ends inside comments change);
- exact amounts of money: they are doubles, so that a mean may differ by a cent;
- days: all tables are written whole, and a single day cannot be rerun;
- reproducible training: the model depends on the order in which Spark reads the rows;
- MLflow, the repurchase model and its probability, the model without recency, other numbers of clusters, distances to
  the centers, names from the profiles of the clusters, and the evaluation table.
"""

import time
from collections.abc import Callable
from pathlib import Path

import click

from bench.peers.notebooks.bronze import bronze
from bench.peers.notebooks.common import Lakehouse, session
from bench.peers.notebooks.gold import gold
from bench.peers.notebooks.ml import ml
from bench.peers.notebooks.silver import silver


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("warehouse", type=click.Path(path_type=Path))
@click.option("--lean", is_flag=True, help="No counts after the writes, and two shuffle partitions.")
def main(data: Path, warehouse: Path, *, lean: bool) -> None:
    """Run the four notebooks on a folder of CSV files, and print the seconds of each."""
    started = time.monotonic()
    lake = Lakehouse(session(warehouse.resolve(), lean=lean), data.resolve(), warehouse.resolve(), lean)
    seconds = {"session": time.monotonic() - started}
    notebooks: tuple[Callable[[Lakehouse], None], ...] = (bronze, silver, gold, ml)
    for notebook in notebooks:
        began = time.monotonic()
        notebook(lake)
        seconds[notebook.__name__] = time.monotonic() - began
    for name, duration in seconds.items():
        click.echo(f"{name:<8} {duration:6.1f} s")
    click.echo(f"{'total':<8} {time.monotonic() - started:6.1f} s")


if __name__ == "__main__":
    main()
