"""The cost of a full run, one day, the checks and the queries, per engine and scale. `make bench-scale`; see --help."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

import click
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table as Grid

from bench.harness import OLIST, CommandFailed, Measurement, engines_option, environment, measure
from bench.steps import seconds_by_part, steps_of
from bench.warm_days import warm_command, warm_seconds
from olist_assets.lakehouse.packaged_queries import query_files
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import EngineName

ORDERS_AT_SCALE_1 = 99_441
DAY, WARM_FROM = "2017-11-24", date(2017, 11, 25)
ALL_TABLES, WARM = "all tables", "a day in a warm process"
COMMANDS = {
    ALL_TABLES: [OLIST, "materialize"],
    "one day": [OLIST, "materialize", "--day", DAY],
    "the same day again": [OLIST, "materialize", "--day", DAY],
    WARM: warm_command(WARM_FROM),
    "checks only": [OLIST, "checks"],
}
console = Console(highlight=False, width=110)


@dataclass(frozen=True)
class Line:
    """One command on one engine at one scale."""

    scale: float
    engine: EngineName
    command: str
    seconds: float
    """Of the command; of a day in a warm process, the median."""
    cost: Measurement
    """Of the process of the command, or until it failed."""
    failure: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Seconds by part, for the run of all tables."""

    @property
    def microseconds_per_order(self) -> float:
        return self.seconds / (self.scale * ORDERS_AT_SCALE_1) * 1e6

    @property
    def text(self) -> str:
        return f"scale {self.scale:g}, {self.engine}, {self.command}"


@click.command()
@click.option("--scale", "scales", type=float, multiple=True, default=(0.1, 1.0), show_default=True)
@engines_option
@click.option("--memory", default="2g", show_default=True, help="Memory of Spark's driver: OLIST_DRIVER_MEMORY.")
@click.option("--plots", type=click.Path(path_type=Path, file_okay=False), help="Write a plot of seconds over orders.")
def main(scales: tuple[float, ...], engines: tuple[EngineName, ...], memory: str, plots: Path | None) -> None:
    """Measure every command on every engine at every scale, each in a new process.

    A command that fails is reported with its cost until then; without the tables, the engine's other commands are left
    out at this scale.

    \b
    python -m bench.suite                                scales 0.1 and 1
    python -m bench.suite --engine sail --engine spark --scale 0.1 --scale 1 --scale 10 --plots docs
    python -m bench.suite --engine sail --scale 30 --scale 100
    """
    lines: list[Line] = []
    for scale in scales:
        with tempfile.TemporaryDirectory(prefix="olist-bench-") as scratch:
            write_sample(Path(scratch, "data"), scale=scale)
            for engine in engines:
                for line in measured_lines(scale, engine, Path(scratch), memory):
                    lines.append(line)
                    console.print(f"{line.text}: {line.failure or f'{line.seconds:.1f} s'}", markup=False)
    console.print(table(lines))
    for line in (line for line in lines if line.parts):
        parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in line.parts.items())
        console.print(f"scale {line.scale:g}, {line.engine}: {parts}")
    if plots:
        plot(lines).savefig(plots / "cost-over-scale.png", dpi=110)


def measured_lines(scale: float, engine: EngineName, scratch: Path, memory: str) -> Iterator[Line]:
    """All commands over one sample and one warehouse, in order."""
    home = scratch / engine
    env = environment(scratch / "data", home, engine) | {"OLIST_DRIVER_MEMORY": memory}
    queries = {path.name: [OLIST, "sql", "-f", path.stem] for path in query_files()}
    for name, command in (COMMANDS | queries).items():
        try:
            cost = measure(command, env)
        except CommandFailed as failed:
            yield Line(scale, engine, name, failed.cost.seconds, failed.cost, failed.message)
            if name == ALL_TABLES:
                return
            continue
        parts = seconds_by_part(steps_of(home), cost.seconds) if name == ALL_TABLES else {}
        seconds = median(warm_seconds(cost.output)[1:]) if name == WARM else cost.seconds
        yield Line(scale, engine, name, seconds, cost, parts=parts)


def table(lines: list[Line]) -> Grid:
    """All lines as a table; of the days in a warm process, the memory is that of the process."""
    grid = Grid(title="Each command cold, in a process of its own, but for the days in a warm process")
    grid.add_column("scale", justify="right")
    grid.add_column("engine")
    grid.add_column("command", no_wrap=True)
    for heading in ("seconds", "µs per order", "CPU s", "peak MB", "read MB", "written MB"):
        grid.add_column(heading, justify="right")
    for line in lines:
        cost, place = line.cost, (f"{line.scale:g}", line.engine, line.command)
        cpu, memory, *io = (f"{n:,.0f}" for n in (cost.cpu_seconds, cost.peak_mb, cost.read_mb, cost.written_mb))
        if line.failure:
            grid.add_row(*place, "failed", "", cpu, memory, *io)
        elif line.command == WARM:
            grid.add_row(*place, f"{line.seconds:.1f}", f"{line.microseconds_per_order:,.0f}", "", memory)
        else:
            grid.add_row(*place, f"{line.seconds:.1f}", f"{line.microseconds_per_order:,.0f}", cpu, memory, *io)
    return grid


def plot(lines: list[Line]) -> Figure:
    """Seconds over orders, both logarithmic: a linear cost is a line of slope one."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    done = sorted((line for line in lines if not line.failure), key=lambda line: line.scale)
    for engine, style in zip(dict.fromkeys(line.engine for line in done), ("o-", "s--"), strict=False):
        for number, name in enumerate(COMMANDS):
            found = [line for line in done if (line.engine, line.command) == (engine, name)]
            orders, seconds = [line.scale * ORDERS_AT_SCALE_1 for line in found], [line.seconds for line in found]
            axes.plot(orders, seconds, style, color=f"C{number}", label=f"{name}, {engine}")
    axes.set(xscale="log", yscale="log", xlabel="orders", ylabel="seconds", title="Two cores")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
