"""The process a run is in, so that a dead run can be told from a long one."""

import os
import socket

import dagster as dg
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


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own, whose runs go on for ever once their code server is killed, and run monitoring asks nobody."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        if process := dead_process(run):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"process {process} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
