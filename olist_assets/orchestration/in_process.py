"""A job executed in this process with the job's own executor, which `job.execute_in_process()` would replace."""

from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.execute_in_process import core_execute_in_process

# Dagster's console log would repeat each event with its stack trace; the event log keeps them.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def step_keys(job: dg.JobDefinition) -> list[str]:
    """The keys of a job's steps, in its order."""
    return [node.name for node in job.nodes]


def execute(
    job: dg.JobDefinition, storage: dg.DagsterInstance, run_id: str, tags: dict[str, str], config: dict[str, Any]
) -> None:
    """Execute a job as the run `run_id`; a failure is in the run's events."""
    core_execute_in_process(
        job=InMemoryJob(job),
        run_id=run_id,
        instance=storage,
        run_tags=tags,
        run_config=config | QUIET,
        output_capturing_enabled=False,
        raise_on_error=False,
    )
