"""A cold run of all tables: seconds per table, in total, and by part. `make bench`; for other programs see --help."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import dagster as dg
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, Measurement, environment, measure, settings_of
from bench.peers.plain_pyspark import tables_in_order
from olist_assets.catalog import catalog
from olist_assets.settings import SAMPLE_DATA, Settings
from olist_assets.source.files import source_folder

PLAIN, NOTEBOOKS, DUCKDB = ("bare", "defaults"), "notebooks", "duckdb"
PEERS = (*PLAIN, NOTEBOOKS, DUCKDB)
console = Console(highlight=False)


@dataclass(frozen=True)
class Step:
    """A step: start and end in seconds since the epoch; for a table also the seconds of its write and its rows."""

    name: str
    start: float
    end: float
    write: float = 0.0
    rows: int = 0

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def kind(self) -> str:
        known = catalog()
        if self.name in known.tables:
            return "tables"
        return "models" if self.name in known.functions else "checks"


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="OLIST_DATA", default=SAMPLE_DATA, show_default=True)
@click.option("--with", "peers", type=click.Choice(PEERS), multiple=True, help="Also time this program.")
def main(data: Path, peers: tuple[str, ...]) -> None:
    """Time a run of all tables from a cold start: a new process and a new warehouse, checks included.

    \b
    python -m bench.whole_graph
    python -m bench.whole_graph --data brazilian-ecommerce.zip --with notebooks --with duckdb
    python -m bench.whole_graph --with bare --with defaults
    """
    if not data.exists():
        raise click.ClickException(f"There is no data at {data}. Write a sample with: olist sample-data {data}")
    with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
        home = Path(scratch, "home")
        whole = measure([OLIST, "materialize"], environment(data, home))
        report(steps_of(home), whole.seconds)
        console.print(cost_text(whole))
        for peer in peers:
            env = environment(data, Path(scratch, f"{peer}-home"))
            cost = measure(command_of(peer, settings_of(env), Path(scratch, peer)), env)
            same = seconds_without_models(data, Path(scratch, f"as-{peer}")) if peer in PLAIN else whole.seconds
            console.print(f"{peer:<10} {cost_text(cost)}; the platform takes {same / cost.seconds:.2f} times as long")


def seconds_without_models(data: Path, home: Path) -> float:
    """Seconds of the platform for the tables that the plain script makes."""
    selection = ",".join(tables_in_order())
    return measure([OLIST, "materialize", "--select", selection], environment(data, home)).seconds


def command_of(peer: str, settings: Settings, folder: Path) -> list[str]:
    """The command of another program, which writes its tables to a folder."""
    python = [sys.executable, "-W", "ignore", "-m"]
    if peer in PLAIN:
        return [*python, "bench.peers.plain_pyspark", peer]
    module = "bench.peers.notebooks" if peer == NOTEBOOKS else "bench.peers.duckdb_floor"
    return [*python, module, str(source_folder(settings)), str(folder)]


def cost_text(cost: Measurement) -> str:
    return f"{cost.seconds:.1f} s, {cost.cpu_seconds:.0f} CPU seconds, peak memory {cost.peak_mb:,.0f} MB"


def steps_of(home: Path) -> list[Step]:
    """The steps of the only run, in order of their start, from Dagster's event log."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        steps: list[Step] = []
        for step in instance.get_run_step_stats(run.run_id):
            write, rows = _write_of(instance, step.step_key)
            steps.append(Step(step.step_key, step.start_time or 0.0, step.end_time or 0.0, write, rows))
    return sorted(steps, key=lambda step: step.start)


def _write_of(instance: dg.DagsterInstance, name: str) -> tuple[float, int]:
    """Seconds of a table's write, and its rows; zeros for any other step."""
    if name not in catalog().tables:
        return 0.0, 0
    event = instance.get_latest_materialization_event(dg.AssetKey(name))
    materialization = event.asset_materialization if event else None
    values = {key: value.value for key, value in materialization.metadata.items()} if materialization else {}
    return float(str(values.get("seconds", 0.0))), int(str(values.get("dagster/row_count", 0)))


def seconds_by_part(steps: list[Step], wall: float) -> dict[str, float]:
    """Seconds of a run by part. Those of steps are sums and exceed the run's, because steps run at the same time."""
    span = max(step.end for step in steps) - steps[0].start
    session = steps[0].seconds - steps[0].write  # the first table waits for the JVM and its session
    sums = {kind: sum(s.seconds for s in steps if s.kind == kind) for kind in ("tables", "models", "checks")}
    return {"Python and Dagster before and after": wall - span, "JVM and session": session} | sums


def report(steps: list[Step], wall: float) -> None:
    """Print the tables and models, and the seconds by part."""
    grid = Grid(title=f"All tables, cold; steps at once: {Settings().steps_at_once}")
    grid.add_column("step", no_wrap=True)
    for heading in ("rows", "start", "seconds", "of which write"):
        grid.add_column(heading, justify="right")
    for step in (step for step in steps if step.kind != "checks"):
        start = f"{step.start - steps[0].start:.1f}"
        grid.add_row(step.name, f"{step.rows:,}", start, f"{step.seconds:.1f}", f"{step.write:.1f}")
    console.print(grid)
    for name, seconds in seconds_by_part(steps, wall).items():
        console.print(f"{name:<36} {seconds:6.1f} s")
    console.print(f"{'total':<36} {wall:6.1f} s")


if __name__ == "__main__":
    main()
