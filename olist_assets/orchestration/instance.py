"""Dagster's storage of runs and events, opened as the UI opens it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._check import CheckError
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from filelock import FileLock

from olist_assets.errors import OlistError
from olist_assets.orchestration.run_launcher import dead_process
from olist_assets.paths import plain_path
from olist_assets.settings import Settings

START_TIMEOUT_SECONDS = 60
CONFIG = "dagster.yaml"
# The configuration of a new home, and the workspace; at the project's root both are links to these files.
PACKAGED_CONFIG = Path(__file__).with_name(CONFIG)
WORKSPACE = Path(__file__).with_name("workspace.yaml")


def dagster_home(settings: Settings) -> Path:
    """The folder with dagster.yaml: DAGSTER_HOME, else the working directory."""
    return (settings.dagster_home or Path.cwd()).expanduser().resolve()


def prepared_home(settings: Settings) -> Path:
    """Dagster's home with a dagster.yaml, exported to this process and its children as DAGSTER_HOME."""
    home = dagster_home(settings)
    if not (home / CONFIG).exists():
        try:
            home.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACKAGED_CONFIG, home / CONFIG)
        except OSError as error:
            raise OlistError(f"Cannot write {home / CONFIG}: {error.strerror}. Set DAGSTER_HOME.") from error
    # Dagster takes the path of its configuration for a glob.
    os.environ["DAGSTER_HOME"] = plain_path(home)
    return home


@contextmanager
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's storage; runs that an ended process of this machine left running are marked as failed first."""
    home = prepared_home(settings)
    lock = home / ".dagster" / "start.lock"
    try:
        lock.parent.mkdir(exist_ok=True)
        # Dagster creates its SQLite files without a lock: two first starts at once would both stamp their schema.
        with FileLock(lock, timeout=START_TIMEOUT_SECONDS):
            opened = dg.DagsterInstance.from_config(plain_path(home))
    except _storage_errors() as error:
        raise OlistError(
            f"Dagster's storage as configured in {home / CONFIG} cannot be opened ({_first_line(error)}). "
            "Set DAGSTER_HOME, or the variables that this file reads."
        ) from error
    with opened as storage:
        fail_dead_runs(storage)
        yield storage


def _storage_errors() -> tuple[type[Exception], ...]:
    """Errors of opening a storage; dagster-postgres is an extra."""
    errors = (OSError, dg.DagsterInvalidConfigError, CheckError)
    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError:
        return errors
    return *errors, DagsterPostgresException


def _first_line(error: BaseException) -> str:
    """The first line of the server's or the configuration's message."""
    if isinstance(error, dg.DagsterInvalidConfigError):
        return error.errors[0].message.splitlines()[0]
    return str(error.__cause__ or error).splitlines()[0]


def fail_dead_runs(storage: dg.DagsterInstance) -> None:
    """Mark runs of killed processes as failed: they cannot do so themselves, and would block their tables' pools."""
    for run in storage.get_runs(filters=dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        if process := dead_process(run):
            storage.report_run_failed(run, f"Its process {process} ended without reporting (killed?).")
