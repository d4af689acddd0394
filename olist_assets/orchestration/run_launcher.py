"""The process of a run, so that a dead run can be distinguished from a long one."""

import os
import socket

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

PROCESS_TAG = "olist/process"


def process_tag(run_id: str) -> dict[str, str]:
    """The tag that names this process as that of the run; it contains the run's id, since a rerun copies all tags."""
    return {PROCESS_TAG: f"{run_id}@{socket.gethostname()}:{os.getpid()}"}


def dead_process(run: dg.DagsterRun) -> str | None:
    """The number of the run's process, if the process was on this machine and does not exist any more."""
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


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher with a health check, without which a run of a killed code server never ends."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        if process := dead_process(run):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"process {process} does not exist any more")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
