"""The steps of a run, from Dagster's event log: seconds per table and model, and by part."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from rich.table import Table as Grid

from olist_assets.catalog import catalog


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


def steps_of(home: Path) -> list[Step]:
    """The steps of the only run, in order of their start."""
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
    start = steps[0].seconds - steps[0].write  # the first table waits for the engine and its session
    sums = {kind: sum(s.seconds for s in steps if s.kind == kind) for kind in ("tables", "models", "checks")}
    return {"Python and Dagster before and after": wall - span, "start of the engine": start} | sums


def step_grid(steps: list[Step], title: str) -> Grid:
    """The tables and models, in order of their start."""
    grid = Grid(title=title)
    grid.add_column("step", no_wrap=True)
    for heading in ("rows", "start", "seconds", "of which write"):
        grid.add_column(heading, justify="right")
    for step in (step for step in steps if step.kind != "checks"):
        start = f"{step.start - steps[0].start:.1f}"
        grid.add_row(step.name, f"{step.rows:,}", start, f"{step.seconds:.1f}", f"{step.write:.1f}")
    return grid
