"""The process a run is in, so that a dead run can be told from a long one."""

import os
import socket
from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.executor_definition import IN_PROC_CONFIG
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

PROCESS_TAG = "olist/process"


def process_tag(run_id: str) -> dict[str, str]:
    """Says that this process makes the run. It names the run, for a rerun gets a copy of all tags of the first."""
    return {PROCESS_TAG: f"{run_id}@{socket.gethostname()}:{os.getpid()}"}


def dead_process(run: dg.DagsterRun) -> str | None:
    """The run's process if it was on this machine and is gone."""
    run_id, _, process = run.tags.get(PROCESS_TAG, "").partition("@")
    host, _, number = process.rpartition(":")
    is_here = run_id == run.run_id and host == socket.gethostname()
    return number if is_here and not _is_alive(int(number)) else None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


class TaggingExecutor(InProcessExecutor):
    """Dagster's in-process executor; its run is tagged with the process first."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        plan_context.instance.add_run_tags(plan_context.run_id, process_tag(plan_context.run_id))
        yield from super().execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=IN_PROC_CONFIG)
def in_process_executor(context: dg.InitExecutorContext) -> TaggingExecutor:
    return TaggingExecutor(RetryMode.from_config(context.executor_config["retries"]))  # pyright: ignore


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own, whose runs go on for ever once their code server is killed, and run monitoring asks nobody."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        if process := dead_process(run):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"process {process} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
