"""The benchmark suite: what a run, a day, the checks and the queries cost, at several scales.

    python -m bench.suite                                # scales 0.1 and 1
    python -m bench.suite --scale 0.1 --scale 1 --scale 10 --plots docs

A line a scale and command; with --plots a picture of seconds over orders.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, Measured, environment, measured
from bench.queries import QUERIES
from bench.whole_graph import parts, steps_of
from olist_assets.sample_data.generator import write_sample

ORDERS_AT_SCALE_1 = 99_441
DAY = "2017-11-24"
COMMANDS = {
    "whole graph": ["materialize"],
    "a day": ["materialize", "--day", DAY],
    "the same day again": ["materialize", "--day", DAY],
    "checks only": ["checks"],
}
console = Console(highlight=False, width=110)


@dataclass(frozen=True)
class Line:
    """A command at a scale."""

    scale: float
    command: str
    figures: Measured
    seconds_of: Mapping[str, float] = field(default_factory=dict)
    """Where the seconds went, for the whole graph."""

    @property
    def microseconds_per_order(self) -> float:
        return self.figures.seconds / (self.scale * ORDERS_AT_SCALE_1) * 1e6


@click.command()
@click.option("--scale", "scales", type=float, multiple=True, default=(0.1, 1.0), show_default=True)
@click.option("--memory", default="2g", show_default=True, help="Of the driver: OLIST_DRIVER_MEMORY.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), help="Write the pictures to this folder.")
def main(scales: tuple[float, ...], memory: str, plots: Path | None) -> None:
    """Measure every command at every scale, each cold: a process of its own."""
    lines: list[Line] = []
    for scale in scales:
        with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
            write_sample(Path(scratch, "data"), scale=scale)
            for line in measured_at(scale, Path(scratch), memory):
                lines.append(line)
                console.print(f"scale {scale:g}, {line.command}: {line.figures.seconds:.1f} s")
    console.print(table(lines))
    for line in lines:
        if line.seconds_of:
            console.print(
                f"scale {line.scale:g}: {', '.join(f'{part} {s:.1f} s' for part, s in line.seconds_of.items())}"
            )
    if plots:
        plot(lines).savefig(plots / "cost-over-scale.png", dpi=110)


def measured_at(scale: float, scratch: Path, memory: str) -> "list[Line]":
    """All commands over one sample and one warehouse, in their order."""
    env = environment(scratch / "data", scratch / "home") | {"OLIST_DRIVER_MEMORY": memory}
    lines = []
    for name, words in COMMANDS.items():
        took = measured([OLIST, *words], env)
        whole = name == "whole graph"
        lines.append(Line(scale, name, took, parts(steps_of(scratch / "home"), took.seconds) if whole else {}))
    for path in sorted(QUERIES.glob("*.sql")):
        lines.append(Line(scale, path.name, measured([OLIST, "sql", "-f", str(path)], env)))
    return lines


def table(lines: list[Line]) -> Grid:
    """The figures as they are read."""
    grid = Grid(title="Each command cold, in a process of its own")
    grid.add_column("scale", justify="right")
    grid.add_column("command", no_wrap=True)
    for heading in ("seconds", "µs an order", "processor s", "peak MB", "read MB", "written MB"):
        grid.add_column(heading, justify="right")
    for line in lines:
        of = line.figures
        sizes = (f"{size:,.0f}" for size in (of.processor_seconds, of.peak_mb, of.read_mb, of.written_mb))
        grid.add_row(
            f"{line.scale:g}", line.command, f"{of.seconds:.1f}", f"{line.microseconds_per_order:,.0f}", *sizes
        )
    return grid


def plot(lines: list[Line]) -> Figure:
    """Seconds over orders, both logarithmic; cost that is linear is a line of slope one."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in COMMANDS:
        of_it = sorted((line for line in lines if line.command == name), key=lambda line: line.scale)
        orders = [line.scale * ORDERS_AT_SCALE_1 for line in of_it]
        axes.plot(orders, [line.figures.seconds for line in of_it], "o-", label=name)
    axes.set(xscale="log", yscale="log", xlabel="orders", ylabel="seconds", title="Each command cold, two cores")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
