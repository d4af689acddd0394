"""Dagster's storage of runs and events, opened as the UI opens it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from filelock import FileLock

from olist_assets.errors import OlistError

# Events of a range are handed to the storage in batches of this size; one by one they cost more than the tables.
EVENT_BATCH_SIZE = "500"
START_TIMEOUT_SECONDS = 60
PROCESS_TAG = "olist/process"


def dagster_home() -> Path:
    """The folder with dagster.yaml: DAGSTER_HOME, else the working directory, else this project's root."""
    if named := os.environ.get("DAGSTER_HOME"):
        return Path(named)
    here = Path.cwd()
    return here if (here / "dagster.yaml").exists() else Path(__file__).resolve().parents[1]


def dagster_environment() -> Path:
    """Say in this process's environment, and so in those it starts, where Dagster's home is; returns it."""
    home = dagster_home()
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENT_BATCH_SIZE)
    return home


@contextmanager
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's storage; runs that a dead process of this machine left running are failed first."""
    home = dagster_environment()
    lock = home / ".dagster" / "start.lock"
    try:
        lock.parent.mkdir(exist_ok=True)
        # Dagster makes its SQLite files unguarded: two first starts at once would stamp their schema twice.
        with FileLock(lock, timeout=START_TIMEOUT_SECONDS):
            opened = dg.DagsterInstance.get()
    except OSError as error:
        raise OlistError(f"Dagster's storage in {home} cannot be opened ({error}). Set DAGSTER_HOME.") from error
    with opened as storage:
        fail_dead_runs(storage)
        yield storage


def process_tag() -> dict[str, str]:
    """The run's process, so that others can tell whether it lives."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}


def fail_dead_runs(storage: dg.DagsterInstance) -> None:
    """A killed process cannot say that its run ended; a run that goes on for ever would block its tables' pools."""
    for run in storage.get_runs(filters=dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        host, _, process = run.tags.get(PROCESS_TAG, "").rpartition(":")
        if host == socket.gethostname() and not _is_alive(int(process)):
            storage.report_run_failed(run, f"Its process {process} ended without a word (killed?).")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True
