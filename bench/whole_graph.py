"""The whole graph, cold: seconds a table and in all, and where they go. `make bench`, or with peers: see --help."""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import dagster as dg
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, Measured, environment, measured
from bench.peers.plain_pyspark import in_order
from olist_assets.catalog import models, tables
from olist_assets.settings import SAMPLE_DATA, Settings
from olist_assets.source import source_folder

TRANSFORMS, NOTEBOOKS, FLOOR = ("bare", "defaults"), "notebooks", "duckdb"
PEERS = (*TRANSFORMS, NOTEBOOKS, FLOOR)
console = Console(highlight=False)


@dataclass(frozen=True)
class Step:
    """A table's step: its seconds as Dagster measured them, and those that Spark and Delta took of them."""

    name: str
    seconds: float
    spark: float
    rows: int


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="OLIST_DATA", default=SAMPLE_DATA, show_default=True)
@click.option("--with", "peers", type=click.Choice(PEERS), multiple=True, help="Time this peer in the same call, too.")
def main(data: Path, peers: tuple[str, ...]) -> None:
    """Time the whole graph from a cold start: a new process, a new warehouse, checks included.

    \b
    python -m bench.whole_graph
    python -m bench.whole_graph --data brazilian-ecommerce.zip --with notebooks --with duckdb
    python -m bench.whole_graph --with bare --with defaults
    """
    if not data.exists():
        raise click.ClickException(f"There is no data at {data}: make it with olist sample-data {data}")
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
        home = Path(scratch, "home")
        whole = measured([OLIST, "materialize"], environment(data, home))
        steps, checks, training = steps_of(home)
        report(steps, checks, training, whole.seconds)
        console.print(figures(whole))
        compared = {made.key.to_user_string() for made in in_order()}
        ours = whole.seconds - training - sum(step.seconds for step in steps if step.name not in compared)
        for peer in peers:
            took = measured(
                command_of(peer, data, Path(scratch, peer)), environment(data, Path(scratch, f"{peer}-home"))
            )
            same = ours if peer in TRANSFORMS else whole.seconds
            console.print(f"{peer:<10} {figures(took)}; the graph takes {same / took.seconds:.2f} of its time")


def command_of(peer: str, data: Path, folder: Path) -> list[str]:
    """A peer as a process of its own, with its tables in a folder."""
    python = [sys.executable, "-W", "ignore", "-m"]
    if peer in TRANSFORMS:
        return [*python, "bench.peers.plain_pyspark", peer]
    csvs = str(source_folder(Settings().model_copy(update={"data": data})))
    module = "bench.peers.notebooks" if peer == NOTEBOOKS else "bench.peers.duckdb_floor"
    return [*python, module, csvs, str(folder)]


def figures(of: Measured) -> str:
    return f"{of.seconds:.1f} s, {of.processor_seconds:.0f} processor seconds, {of.peak_mb:,.0f} MB at most"


def steps_of(home: Path) -> tuple[list[Step], float, float]:
    """The run's table steps in their order, and the seconds of all checks and trainings, from Dagster's event log."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        stats = sorted(instance.get_run_step_stats(run.run_id), key=lambda step: step.start_time or 0.0)
        seconds = {step.step_key: (step.end_time or 0.0) - (step.start_time or 0.0) for step in stats}
        steps: list[Step] = []
        for name in (step for step in seconds if step in tables()):
            event = instance.get_latest_materialization_event(dg.AssetKey(name))
            made = event.asset_materialization if event else None
            figures = {key: value.value for key, value in made.metadata.items()} if made else {}
            rows, spark = json.loads(json.dumps([figures["dagster/row_count"], figures["seconds"]]))
            steps.append(Step(name, seconds[name], spark, rows))
    training = sum(took for step, took in seconds.items() if step in models())
    return steps, sum(seconds.values()) - training - sum(step.seconds for step in steps), training


def parts(steps: list[Step], checks: float, training: float, wall: float) -> dict[str, float]:
    """Where the seconds of a run went."""
    spark = sum(step.spark for step in steps)
    session = steps[0].seconds - steps[0].spark  # the first table waits for the JVM and its session
    known = {"JVM and session": session, "Spark and Delta": spark, "training": training, "checks": checks}
    return known | {"Dagster and Python": wall - sum(known.values())}


def report(steps: list[Step], checks: float, training: float, wall: float) -> None:
    """Print the tables and where the whole time went."""
    grid = Grid(title="The whole graph, cold")
    grid.add_column("table", no_wrap=True)
    for heading in ("rows", "seconds", "of them Spark"):
        grid.add_column(heading, justify="right")
    for step in steps:
        grid.add_row(step.name, f"{step.rows:,}", f"{step.seconds:.1f}", f"{step.spark:.1f}")
    console.print(grid)
    for name, seconds in parts(steps, checks, training, wall).items():
        console.print(f"{name:<20} {seconds:6.1f} s  {seconds / wall:4.0%}")
    console.print(f"{'in all':<20} {wall:6.1f} s")


if __name__ == "__main__":
    main()
