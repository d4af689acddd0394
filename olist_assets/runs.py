"""Runs started from the command line: a selection and a span of days, in this process, with news of each step."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, EventLogEntry
from dagster._core.errors import DagsterAssetCheckFailedError, DagsterExecutionInterruptedError
from dagster_shared.error import SerializableErrorInfo
from filelock import FileLock

from olist_assets import lakehouse
from olist_assets.catalog import tables
from olist_assets.definitions import JOB, defs
from olist_assets.errors import OlistError
from olist_assets.partitions import FIRST_DAY, LAST_DAY, daily_orders
from olist_assets.resources import java_version
from olist_assets.settings import Settings
from olist_assets.source import checked_file, source_folder

Days = tuple[date, date]
OnEvent = Callable[["RunReport", dg.DagsterEvent], None]
ALL_DAYS: Days = (FIRST_DAY, LAST_DAY)
# Events of a range are handed to the storage in batches of this size; one by one they cost more than the tables.
EVENT_BATCH_SIZE = "500"
START_TIMEOUT_SECONDS = 60
STOPPED = "stopped"


@dataclass
class RunReport:
    """What a run did so far: rows a table, checks by outcome, and why steps failed."""

    run_id: str
    planned: list[str]
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    checks: list[dg.AssetCheckEvaluation] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def failed_checks(self) -> list[dg.AssetCheckEvaluation]:
        return [c for c in self.checks if not c.passed and c.severity == dg.AssetCheckSeverity.ERROR]

    @property
    def warnings(self) -> list[dg.AssetCheckEvaluation]:
        return [c for c in self.checks if not c.passed and c.severity == dg.AssetCheckSeverity.WARN]

    @property
    def not_run(self) -> list[str]:
        """Steps that never started, because something before them failed."""
        return [step for step in self.planned if step not in self.seconds and step not in self.failures]

    @property
    def succeeded(self) -> bool:
        return not (self.failures or self.failed_checks or self.not_run)

    def add(self, event: dg.DagsterEvent) -> None:
        match event.event_type:
            case DagsterEventType.ASSET_MATERIALIZATION:
                made = event.step_materialization_data.materialization
                rows = made.metadata["dagster/row_count"].value
                self.rows[made.asset_key.to_user_string()] = int(rows)  # pyright: ignore[reportArgumentType]
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                self.checks.append(event.asset_check_evaluation_data)
            case DagsterEventType.STEP_SUCCESS:
                self.seconds[str(event.step_key)] = event.step_success_data.duration_ms / 1000
            case DagsterEventType.STEP_FAILURE:
                self.failures[str(event.step_key)] = reason(event.step_failure_data.error)
            case _:
                pass


def reason(error: SerializableErrorInfo | None) -> str:
    """Why a step failed: the whole text of an error meant for users, else the first cause's name and first lines."""
    if error is None:
        return "failed without a reason"
    meant_for_users = {kind.__name__ for kind in (*_kinds(OlistError), DagsterAssetCheckFailedError)}
    # Our errors have causes of their own (a file not found, a Java trace): what they say is better than those.
    while error.cause and error.cls_name not in meant_for_users:
        error = error.cause
    if error.cls_name == DagsterExecutionInterruptedError.__name__:
        return STOPPED
    text = error.message.strip()
    return text.split(": ", 1)[1] if error.cls_name in meant_for_users else "\n".join(text.splitlines()[:3])


def _kinds(kind: type) -> Iterator[type]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def selected(selection: str) -> set[dg.AssetKey]:
    """Assets of a selection in Dagster's own syntax; commas unite. Raises OlistError when it names nothing."""
    graph = defs.resolve_asset_graph()
    chosen: set[dg.AssetKey] = set()
    for part in (part.strip() for part in selection.split(",")):
        try:
            found = dg.AssetSelection.from_string(part).resolve(graph)
        except dg.DagsterError:
            found = set()
        if not found:
            raise OlistError(f"The selection {part!r} matches no table. Tables: {', '.join(sorted(tables()))}.")
        chosen |= found
    return chosen


def checked_days(days: Days) -> Days:
    """The span, once it lies in the data's days. Raises OlistError."""
    first, last = days
    if first > last:
        raise OlistError(f"The days run backwards: {first}..{last}.")
    if first < FIRST_DAY or last > LAST_DAY:
        raise OlistError(f"{first}..{last} is not within the days of the data: {FIRST_DAY}..{LAST_DAY}.")
    return days


def materialize(selection: str, days: Days, on_event: OnEvent) -> RunReport:
    """Make the selected tables and run their checks; daily tables for the span of days only, in one run."""
    settings, chosen = Settings(), selected(selection)
    _preflight(settings, {key.to_user_string() for key in chosen})
    first, last = checked_days(days)
    tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    return _execute(
        defs.resolve_job_def(JOB).get_subset(asset_selection=chosen), tags if _any_daily(chosen) else {}, on_event
    )


def run_checks(selection: str, on_event: OnEvent) -> RunReport:
    """Run the checks of the selected tables without touching them: no JVM."""
    chosen, graph = selected(selection), defs.resolve_asset_graph()
    checks = {key for key in graph.asset_check_keys if key.asset_key in chosen}
    return _execute(
        defs.resolve_job_def(JOB).get_subset(asset_selection=set(), asset_check_selection=checks), {}, on_event
    )


def _any_daily(chosen: set[dg.AssetKey]) -> bool:
    graph = defs.resolve_asset_graph()
    return any(graph.get(key).partitions_def == daily_orders for key in chosen)


def _preflight(settings: Settings, names: set[str]) -> None:
    """Find a user's mistake before the first write, not in the middle of a run."""
    sources = [contract.source for name, contract in tables().items() if name in names and contract.source]
    if sources:
        folder = source_folder(settings)
        for source in sources:
            checked_file(folder, source)
    if not settings.spark_remote:
        java_version()
    lakehouse.require_writable(settings)


def _execute(job: dg.JobDefinition, tags: dict[str, str], on_event: OnEvent) -> RunReport:
    report = RunReport(str(uuid.uuid4()), [node.name for node in job.nodes])

    def listen(entry: EventLogEntry) -> None:
        if entry.dagster_event:
            report.add(entry.dagster_event)
            on_event(report, entry.dagster_event)

    with instance() as storage:
        storage.add_event_listener(report.run_id, listen)
        # Dagster's console log would repeat each event with its stack trace; the event log keeps them.
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        job.execute_in_process(
            run_id=report.run_id, instance=storage, tags=tags, run_config=quiet, raise_on_error=False
        )
    if STOPPED in report.failures.values():
        raise KeyboardInterrupt
    return report


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
    """Dagster's storage of runs and events, the same as the UI's."""
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
        yield storage
