"""Dagster's storage of runs and events, opened as the UI opens it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._check import CheckError
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from filelock import FileLock

from olist_assets.errors import OlistError
from olist_assets.orchestration.run_launcher import dead_process

# Events of a range are handed to the storage in batches of this size; one by one they cost more than the tables.
EVENT_BATCH_SIZE = "500"
START_TIMEOUT_SECONDS = 60


def dagster_home() -> Path:
    """The folder with dagster.yaml: DAGSTER_HOME, else the working directory, else this project's root."""
    if named := os.environ.get("DAGSTER_HOME"):
        return Path(named).expanduser().resolve()
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
    except _storage_errors() as error:
        raise OlistError(
            f"Dagster's storage, as {home / 'dagster.yaml'} has it, cannot be opened ({_said(error)}). "
            "Set DAGSTER_HOME, or what that file takes from the environment."
        ) from error
    with opened as storage:
        fail_dead_runs(storage)
        yield storage


def _storage_errors() -> tuple[type[Exception], ...]:
    """What opening a storage raises; dagster-postgres is an extra."""
    errors = (OSError, dg.DagsterInvalidConfigError, CheckError)
    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError:
        return errors
    return *errors, DagsterPostgresException


def _said(error: BaseException) -> str:
    """What the server or the configuration said: the rest is long."""
    if isinstance(error, dg.DagsterInvalidConfigError):
        return error.errors[0].message.splitlines()[0]
    return str(error.__cause__ or error).splitlines()[0]


def fail_dead_runs(storage: dg.DagsterInstance) -> None:
    """A killed process cannot say that its run ended; a run that goes on for ever would block its tables' pools."""
    for run in storage.get_runs(filters=dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        if process := dead_process(run):
            storage.report_run_failed(run, f"Its process {process} ended without a word (killed?).")
