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
from olist_assets.source.files import source_folder

TRANSFORMS, NOTEBOOKS, FLOOR = ("bare", "defaults"), "notebooks", "duckdb"
PEERS = (*TRANSFORMS, NOTEBOOKS, FLOOR)
console = Console(highlight=False)


@dataclass(frozen=True)
class Step:
    """A step: when it began and ended (seconds of the clock), and of a table what its write took and its rows."""

    name: str
    began: float
    ended: float
    write: float = 0.0
    rows: int = 0

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def kind(self) -> str:
        return "tables" if self.name in tables() else "trainings" if self.name in models() else "checks"


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
        report(steps_of(home), whole.seconds)
        console.print(figures(whole))
        for peer in peers:
            took = measured(
                command_of(peer, data, Path(scratch, peer)), environment(data, Path(scratch, f"{peer}-home"))
            )
            same = without_models(data, Path(scratch, f"as-{peer}")) if peer in TRANSFORMS else whole.seconds
            console.print(f"{peer:<10} {figures(took)}; the graph takes {same / took.seconds:.2f} of its time")


def without_models(data: Path, home: Path) -> float:
    """Seconds of the tables that a plain script makes as well."""
    compared = ",".join(made.key.to_user_string() for made in in_order())
    return measured([OLIST, "materialize", "--select", compared], environment(data, home)).seconds


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


def steps_of(home: Path) -> list[Step]:
    """The run's steps in the order in which they began, from Dagster's event log."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        steps: list[Step] = []
        for step in instance.get_run_step_stats(run.run_id):
            is_table = step.step_key in tables()
            event = instance.get_latest_materialization_event(dg.AssetKey(step.step_key)) if is_table else None
            made = event.asset_materialization if event else None
            told = {key: value.value for key, value in made.metadata.items()} if made else {}
            rows, write = json.loads(json.dumps([told.get("dagster/row_count", 0), told.get("seconds", 0.0)]))
            steps.append(Step(step.step_key, step.start_time or 0.0, step.end_time or 0.0, write, rows))
    return sorted(steps, key=lambda step: step.began)


def parts(steps: list[Step], wall: float) -> dict[str, float]:
    """Where the seconds of a run went. Those of steps are sums, and more than the run's: some run at once."""
    span = max(step.ended for step in steps) - steps[0].began
    session = steps[0].seconds - steps[0].write  # the first table waits for the JVM and its session
    sums = {kind: sum(s.seconds for s in steps if s.kind == kind) for kind in ("tables", "trainings", "checks")}
    return {"Python and Dagster around the steps": wall - span, "JVM and session": session} | sums


def report(steps: list[Step], wall: float) -> None:
    """Print the tables and where the whole time went."""
    grid = Grid(title=f"The whole graph, cold; steps at once: {Settings().steps_at_once}")
    grid.add_column("step", no_wrap=True)
    for heading in ("rows", "began at", "seconds", "of them the write"):
        grid.add_column(heading, justify="right")
    for step in (step for step in steps if step.kind != "checks"):
        began = f"{step.began - steps[0].began:.1f}"
        grid.add_row(step.name, f"{step.rows:,}", began, f"{step.seconds:.1f}", f"{step.write:.1f}")
    console.print(grid)
    for name, seconds in parts(steps, wall).items():
        console.print(f"{name:<36} {seconds:6.1f} s")
    console.print(f"{'in all':<36} {wall:6.1f} s")


if __name__ == "__main__":
    main()
