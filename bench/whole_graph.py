"""A cold run of all tables on each engine, beside other programs in the same call. `make bench`; see --help."""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, Measurement, engines_option, environment, measure, settings_of
from bench.peers.notebooks.tables import TABLES
from bench.peers.plain_pyspark import tables_in_order
from bench.scope import SCOPES, Scope, beyond_notebooks, notebooks_scope
from bench.steps import seconds_by_part, step_grid, steps_of
from olist_assets.catalog import catalog
from olist_assets.settings import SAMPLE_DATA, EngineName, Settings
from olist_assets.source.files import source_folder

PLAIN, NOTEBOOKS, DUCKDB = ("bare", "defaults"), ("notebooks", "notebooks-lean"), "duckdb"
PEERS = (*PLAIN, *NOTEBOOKS, DUCKDB)
Costs = Mapping[str, Sequence[Measurement]]
"""Measurements by program."""
console = Console(highlight=False, width=120)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="OLIST_DATA", default=SAMPLE_DATA, show_default=True)
@engines_option
@click.option("--scope", type=click.Choice(SCOPES), default="everything", show_default=True, help="What is made.")
@click.option("--with", "peers", type=click.Choice(PEERS), multiple=True, help="Also time this program; repeatable.")
@click.option("--rounds", default=1, show_default=True, help="Runs of every program, in turn; medians are compared.")
def main(data: Path, engines: tuple[EngineName, ...], scope: Scope, peers: tuple[str, ...], rounds: int) -> None:
    """Time a run from a cold start: a new process and a new warehouse, checks included.

    With the scope of the notebooks, a second process makes the further tables of the platform, in a row of its own.

    \b
    python -m bench.whole_graph
    python -m bench.whole_graph --engine sail --engine spark --scope notebooks --with notebooks --with duckdb
    python -m bench.whole_graph --data brazilian-ecommerce.zip --engine sail --with duckdb --rounds 3
    python -m bench.whole_graph --engine spark --with bare --with defaults
    """
    if not data.exists():
        raise click.ClickException(f"There is no data at {data}. Write a sample with: olist sample-data {data}")
    whole, plain = defaultdict[str, list[Measurement]](list), defaultdict[str, list[Measurement]](list)
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
            for engine in engines:
                for name, cost in platform_costs(data, Path(scratch), engine, scope, with_steps=not number).items():
                    whole[name].append(cost)
                if {*peers} & {*PLAIN}:
                    plain[engine].append(cost_without_models(data, Path(scratch, f"{engine}-plain"), engine))
            for peer in peers:
                (plain if peer in PLAIN else whole)[peer].append(peer_cost(peer, data, Path(scratch)))
    console.print(comparison(f"{scope}, cold", whole, [peer for peer in peers if peer not in PLAIN]))
    if plain:
        console.print(comparison("the tables without models, cold", plain, [peer for peer in peers if peer in PLAIN]))


def platform_costs(
    data: Path, folder: Path, engine: EngineName, scope: Scope, *, with_steps: bool
) -> dict[str, Measurement]:
    """The cost of the platform by name of the row, from a cold start."""
    home = folder / engine
    env = environment(data, home, engine)
    if scope == "everything":
        costs = {engine: measure([OLIST, "materialize"], env)}
    else:
        costs = {engine: measure(materialize(notebooks_scope()), env)}
    steps = steps_of(home)
    if with_steps:
        console.print(step_grid(steps, f"{engine}, {scope}; steps at once: {Settings().steps_at_once}"))
        for name, seconds in seconds_by_part(steps, costs[engine].seconds).items():
            console.print(f"{name:<36} {seconds:6.1f} s")
    console.print(f"{engine}: {costs[engine]}")
    if scope == "notebooks":
        further = beyond_notebooks()
        tables = ", ".join(sorted(further & {*catalog().tables}))
        costs[f"{engine}, further: {tables}"] = measure(materialize(further), env)
    return costs


def materialize(names: set[str]) -> list[str]:
    """The command that makes these assets and runs their checks."""
    return [OLIST, "materialize", "--select", ",".join(sorted(names))]


def cost_without_models(data: Path, home: Path, engine: EngineName) -> Measurement:
    """The cost of the platform for the tables that the plain script makes."""
    return measure(materialize({*tables_in_order()}), environment(data, home, engine))


def peer_cost(peer: str, data: Path, scratch: Path) -> Measurement:
    """The cost of another program. Raises ClickException if it did not make its tables."""
    env, out = environment(data, scratch / f"{peer}-home", "spark"), scratch / peer
    cost = measure(command_of(peer, settings_of(env), out), env)
    console.print(f"{peer}: {cost}")
    if peer in NOTEBOOKS and (made := {log.parent.name for log in out.glob("*/*/_delta_log")}) != {*TABLES}:
        raise click.ClickException(f"The scope of the notebooks is not what they made: {sorted(made ^ {*TABLES})}")
    return cost


def command_of(peer: str, settings: Settings, folder: Path) -> list[str]:
    """The command of another program, which writes its tables to a folder."""
    python = [sys.executable, "-W", "ignore", "-m"]
    if peer in PLAIN:
        return [*python, "bench.peers.plain_pyspark", peer]
    folders = [str(source_folder(settings)), str(folder)]
    if peer == DUCKDB:
        return [*python, "bench.peers.duckdb_floor", *folders]
    return [*python, "bench.peers.notebooks", *folders, *(["--lean"] if peer == "notebooks-lean" else [])]


def comparison(title: str, costs: Costs, peers: Sequence[str]) -> Grid:
    """One row per program, with its median run, and its time relative to each other program."""
    medians = {name: sorted(runs, key=lambda cost: cost.seconds)[len(runs) // 2] for name, runs in costs.items()}
    grid = Grid(title=title)
    grid.add_column("program")
    for heading in ("seconds", "CPU s", "peak MB", *(f"/ {peer}" for peer in peers)):
        grid.add_column(heading, justify="right")
    for name, cost in medians.items():
        ratios = (f"{cost.seconds / medians[peer].seconds:.3g}" for peer in peers)
        sizes = f"{cost.seconds:.1f}", f"{cost.cpu_seconds:.0f}", f"{cost.peak_mb:,.0f}"
        grid.add_row(name, *sizes, *("" if ", further" in name else ratio for ratio in ratios))
    return grid


if __name__ == "__main__":
    main()
