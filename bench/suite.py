"""The benchmark suite: the cost of a full run, one day, the checks and the queries at several scales.

    python -m bench.suite                                # scales 0.1 and 1
    python -m bench.suite --scale 0.1 --scale 1 --scale 10 --plots docs

One line per scale and command; with --plots also a plot of seconds over orders.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, Measurement, environment, measure
from bench.whole_graph import seconds_by_part, steps_of
from olist_assets.lakehouse.packaged_queries import query_files
from olist_assets.sample_data.generator import write_sample

ORDERS_AT_SCALE_1 = 99_441
DAY = "2017-11-24"
ALL_TABLES = "all tables"
COMMANDS = {
    ALL_TABLES: ["materialize"],
    "one day": ["materialize", "--day", DAY],
    "the same day again": ["materialize", "--day", DAY],
    "checks only": ["checks"],
}
console = Console(highlight=False, width=110)


@dataclass(frozen=True)
class Line:
    """One command at one scale."""

    scale: float
    command: str
    cost: Measurement
    parts: Mapping[str, float] = field(default_factory=dict)
    """Seconds by part, for the run of all tables."""

    @property
    def microseconds_per_order(self) -> float:
        return self.cost.seconds / (self.scale * ORDERS_AT_SCALE_1) * 1e6


@click.command()
@click.option("--scale", "scales", type=float, multiple=True, default=(0.1, 1.0), show_default=True)
@click.option("--memory", default="2g", show_default=True, help="Memory of the driver: OLIST_DRIVER_MEMORY.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), help="Write the plot to this folder.")
def main(scales: tuple[float, ...], memory: str, plots: Path | None) -> None:
    """Measure every command at every scale, each in a new process."""
    lines: list[Line] = []
    for scale in scales:
        with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
            write_sample(Path(scratch, "data"), scale=scale)
            for line in measured_lines(scale, Path(scratch), memory):
                lines.append(line)
                console.print(f"scale {scale:g}, {line.command}: {line.cost.seconds:.1f} s")
    console.print(table(lines))
    for line in (line for line in lines if line.parts):
        parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in line.parts.items())
        console.print(f"scale {line.scale:g}: {parts}")
    if plots:
        plot(lines).savefig(plots / "cost-over-scale.png", dpi=110)


def measured_lines(scale: float, scratch: Path, memory: str) -> Iterator[Line]:
    """All commands over one sample and one warehouse, in order."""
    env = environment(scratch / "data", scratch / "home") | {"OLIST_DRIVER_MEMORY": memory}
    for name, words in COMMANDS.items():
        cost = measure([OLIST, *words], env)
        parts = seconds_by_part(steps_of(scratch / "home"), cost.seconds) if name == ALL_TABLES else {}
        yield Line(scale, name, cost, parts)
    for path in query_files():
        yield Line(scale, path.name, measure([OLIST, "sql", "-f", path.stem], env))


def table(lines: list[Line]) -> Grid:
    """All lines as a table."""
    grid = Grid(title="Each command cold, in a process of its own")
    grid.add_column("scale", justify="right")
    grid.add_column("command", no_wrap=True)
    for heading in ("seconds", "µs per order", "CPU s", "peak MB", "read MB", "written MB"):
        grid.add_column(heading, justify="right")
    for line in lines:
        cost = line.cost
        sizes = (f"{size:,.0f}" for size in (cost.cpu_seconds, cost.peak_mb, cost.read_mb, cost.written_mb))
        seconds = (f"{cost.seconds:.1f}", f"{line.microseconds_per_order:,.0f}")
        grid.add_row(f"{line.scale:g}", line.command, *seconds, *sizes)
    return grid


def plot(lines: list[Line]) -> Figure:
    """Seconds over orders, both logarithmic: a linear cost is a line of slope one."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in COMMANDS:
        of_command = sorted((line for line in lines if line.command == name), key=lambda line: line.scale)
        orders = [line.scale * ORDERS_AT_SCALE_1 for line in of_command]
        axes.plot(orders, [line.cost.seconds for line in of_command], "o-", label=name)
    axes.set(xscale="log", yscale="log", xlabel="orders", ylabel="seconds", title="Each command cold, two cores")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
