"""The finished runs in Dagster's storage, with their steps: what a table of durations needs, and no more."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg


@dataclass(frozen=True)
class FinishedStep:
    """A step that succeeded, with its start and end (Unix time)."""

    key: str
    start: float
    end: float


@dataclass(frozen=True)
class FinishedRun:
    """A run that succeeded, with its start and end (Unix time)."""

    run_id: str
    job_name: str
    tags: Mapping[str, str]
    start: float
    end: float
    steps: tuple[FinishedStep, ...]


class RunHistory:
    """Reads the storage of one Dagster instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance

    def successful_runs(self, limit: int, *, without: set[str]) -> list[FinishedRun]:
        """The newest successful runs, at most `limit`, except those whose ids are in `without`."""
        found = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
        runs: list[FinishedRun] = []
        for record in self._instance.get_run_records(found, limit=limit):
            run = record.dagster_run
            if run.run_id not in without and record.start_time is not None and record.end_time is not None:
                steps = self._steps(run.run_id)
                runs.append(FinishedRun(run.run_id, run.job_name, run.tags, record.start_time, record.end_time, steps))
        return runs

    def _steps(self, run_id: str) -> tuple[FinishedStep, ...]:
        stats = self._instance.get_run_step_stats(run_id)
        return tuple(
            FinishedStep(step.step_key, step.start_time, step.end_time)
            for step in stats
            if step.start_time is not None and step.end_time is not None
        )


class RunHistoryResource(dg.ConfigurableResource[RunHistory]):
    """The history of the instance that a run belongs to."""

    def create_resource(self, context: dg.InitResourceContext) -> RunHistory:
        """Raises CheckError outside of a run."""
        assert context.instance is not None
        return RunHistory(context.instance)
