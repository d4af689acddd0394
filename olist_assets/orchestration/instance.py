"""Dagster's storage of runs and events, opened as the UI opens it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._check import CheckError
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from filelock import FileLock
from yaml import YAMLError

from olist_assets.errors import OlistError
from olist_assets.orchestration.home import CONFIG, STATE, adopt_history, dagster_home, with_folders_in
from olist_assets.orchestration.run_launcher import dead_process
from olist_assets.paths import plain_path
from olist_assets.settings import Settings

START_TIMEOUT_SECONDS = 60
# The configuration of a new home, and the workspace; at the project's root both are links to these files.
PACKAGED_CONFIG = Path(__file__).with_name(CONFIG)
WORKSPACE = Path(__file__).with_name("workspace.yaml")


def prepared_home(settings: Settings) -> Path:
    """Dagster's home with a dagster.yaml, exported to this process and its children as DAGSTER_HOME."""
    home = dagster_home(settings)
    try:
        adopt_history(settings, home)
        home.mkdir(parents=True, exist_ok=True)
        _write_config(home)
    except OSError as error:
        raise OlistError(f"Cannot write {home / CONFIG}: {error.strerror}. Set DAGSTER_HOME.") from error
    # Dagster takes the path of its configuration for a glob.
    os.environ["DAGSTER_HOME"] = plain_path(home)
    return home


def _write_config(home: Path) -> None:
    """Write the packaged configuration if there is none, with its folders in this home, wherever that was moved to."""
    config = home / CONFIG
    if config.is_symlink():  # to the packaged one, in a clone
        return
    before = config.read_text(encoding="utf-8") if config.exists() else None
    text = with_folders_in(home, PACKAGED_CONFIG.read_text(encoding="utf-8") if before is None else before)
    if text != before:
        # A rename is atomic: another process never reads a half.
        partial = config.with_name(f"{CONFIG}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(config)


@contextmanager
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's storage; runs that an ended process of this machine left running are marked as failed first."""
    home = prepared_home(settings)
    lock = home / STATE / "start.lock"
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
    errors = (OSError, dg.DagsterInvalidConfigError, CheckError, YAMLError)
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
