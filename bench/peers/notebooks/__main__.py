"""The same lakehouse as a set of notebooks makes it: plain PySpark on Spark's and Delta's default settings.

    python -m bench.peers.notebooks DATA_FOLDER WAREHOUSE_FOLDER

Four notebooks in one session, each reading what it needs from Delta and printing a count after each write: the usual
idioms, and none of the platform's code but the download of Delta's JARs. It makes the platform's tables with the same
rows and meaning. What the platform does besides, and this leaves out:

- contracts, checks, the event log, catalogue and lineage;
- rejects: a row without its key is dropped unseen, and text in a column of numbers or dates stops the notebook;
- a check of the files' headers and encoding, and the records that do not parse; text exactly as received (zip codes
  are read as numbers, and line ends inside comments change);
- exact money: amounts are doubles, so that a mean may differ by a cent;
- days: all tables are written whole, none can be rerun by itself;
- the same model from the same rows: the training depends on how Spark lays them out;
- MLflow, the forward-looking model and its probability, the model without recency, other numbers of clusters,
  distances to the centers, names from the clusters' profiles, and the evaluation table.
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
def main(data: Path, warehouse: Path) -> None:
    """Run the four notebooks over a folder of CSV files, and print the seconds of each."""
    started = time.monotonic()
    lake = Lakehouse(session(warehouse.resolve()), data.resolve(), warehouse.resolve())
    seconds = {"session": time.monotonic() - started}
    notebooks: tuple[Callable[[Lakehouse], None], ...] = (bronze, silver, gold, ml)
    for notebook in notebooks:
        began = time.monotonic()
        notebook(lake)
        seconds[notebook.__name__] = time.monotonic() - began
    for name, took in seconds.items():
        click.echo(f"{name:<8} {took:6.1f} s")
    click.echo(f"{'in all':<8} {time.monotonic() - started:6.1f} s")


if __name__ == "__main__":
    main()
