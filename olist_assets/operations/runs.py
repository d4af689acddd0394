"""Runs started from the command line: a selection and a span of days, in this process, with news of each step."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import DagsterEventType, EventLogEntry
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.events import RunFailureReason
from dagster._core.execution.execute_in_process import core_execute_in_process
from dagster_shared.error import SerializableErrorInfo

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import models, tables
from olist_assets.definitions import defs
from olist_assets.source.drift import checked_file
from olist_assets.errors import OlistError
from olist_assets.orchestration.instance import instance
from olist_assets.jobs import DAILY_TABLES
from olist_assets.lineage.sensor import not_delivered
from olist_assets.mlops.registry import tracking_uri
from olist_assets.engine.spark.session import require_spark
from olist_assets.operations.selection import ALL_DAYS, Days, at_most, spans, with_downstream
from olist_assets.settings import Settings
from olist_assets.operations.stale import Stale

OnEvent = Callable[["RunReport", dg.DagsterEvent], None]
JOB, MONITORING_JOB = "olist", "monitoring"
# What Spark says of work that was interrupted, embedded and over Connect.
CANCELLED = re.compile(r"\[(SPARK_JOB_CANCELLED|OPERATION_CANCELED)\]")
# Beyond that, a longer span costs less than another run.
MOST_RUNS = 10


@dataclass
class RunReport:
    """What a run did so far: rows a table, versions of models, checks by outcome, and why steps failed."""

    run_id: str
    planned: list[str]
    rows: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    checks: list[dg.AssetCheckEvaluation] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    """Why the run failed, where no step did."""
    interrupted: bool = False
    lineage_problem: str | None = None
    """Why OpenLineage events were not delivered."""

    @property
    def failed_checks(self) -> list[dg.AssetCheckEvaluation]:
        return [c for c in self.checks if not c.passed and c.severity == dg.AssetCheckSeverity.ERROR]

    @property
    def warnings(self) -> list[dg.AssetCheckEvaluation]:
        return [c for c in self.checks if not c.passed and c.severity == dg.AssetCheckSeverity.WARN]

    @property
    def made(self) -> set[str]:
        """Tables written and models trained."""
        return {*self.rows, *self.versions}

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
                # A day that changed with others has no count of the whole table.
                if counted := made.metadata.get("dagster/row_count"):
                    self.rows[made.asset_key.to_user_string()] = int(counted.value)  # pyright: ignore
                elif version := made.metadata.get("model_version"):
                    self.versions[made.asset_key.to_user_string()] = int(version.value)  # pyright: ignore
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                self.checks.append(event.asset_check_evaluation_data)
            case DagsterEventType.STEP_SUCCESS:
                self.seconds[str(event.step_key)] = event.step_success_data.duration_ms / 1000
            case DagsterEventType.STEP_FAILURE:
                self.failures[str(event.step_key)] = reason(event.step_failure_data.error)
            case DagsterEventType.RUN_FAILURE:
                failure = event.job_failure_data
                self.interrupted = failure.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
                by_itself = failure.failure_reason == RunFailureReason.RUN_EXCEPTION
                self.problem = reason(failure.error) if by_itself else None
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
    text = error.message.strip()
    if CANCELLED.search(text):
        return "stopped"
    return text.split(": ", 1)[1] if error.cls_name in meant_for_users else "\n".join(text.splitlines()[:3])


def _kinds(kind: type) -> Iterator[type]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


@dataclass(frozen=True)
class Request:
    """What one run makes: tables, the days of those that are daily, and whether a schema may change at a loss."""

    tables: set[str]
    days: Days = ALL_DAYS
    allow_schema_change: bool = False


def materialize(request: Request, on_event: OnEvent) -> RunReport:
    """Make the tables and run their checks; daily tables for the span of days only, in one run."""
    _preflight(Settings(), request)
    first, last = request.days
    tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    job = defs.resolve_job_def(JOB).get_subset(asset_selection={dg.AssetKey(name) for name in request.tables})
    policy = {"schema_policy": {"config": {"allow_change": request.allow_schema_change}}}
    return _execute(job, tags if request.tables & set(DAILY_TABLES) else {}, {"resources": policy}, on_event)


def stale_requests(found: Stale, *, downstream: bool) -> list[Request]:
    """The runs that put right what is stale: its tables without days, then one daily table after the other.

    So a table is whole before the next is checked against it. Very many spans of days are joined across the days
    between them: making a day again that is right changes nothing.
    """
    requests = [Request(set(found.tables))] if found.tables else []
    for name in DAILY_TABLES:
        differing = spans(day for day, names in found.days.items() if name in names)
        requests += [Request({name}, days) for days in at_most(MOST_RUNS, differing)]
    if downstream and requests:
        remade = {*found.tables, *(DAILY_TABLES if found.days else ())}
        requests.append(Request(with_downstream(remade) - remade - set(DAILY_TABLES)))
    return requests


def run_checks(names: set[str], on_event: OnEvent) -> RunReport:
    """Run the checks of tables without touching them: no JVM."""
    graph = defs.resolve_asset_graph()
    checks = {key for key in graph.asset_check_keys if key.asset_key.to_user_string() in names}
    job = defs.resolve_job_def(JOB).get_subset(asset_selection=set(), asset_check_selection=checks)
    return _execute(job, {}, {}, on_event)


def monitor(on_event: OnEvent) -> RunReport:
    """Run the job `monitoring`: no JVM."""
    return _execute(defs.resolve_job_def(MONITORING_JOB), {}, {}, on_event)


def _preflight(settings: Settings, request: Request) -> None:
    """Find a user's mistake before the first write, not in the middle of a run."""
    for name in request.tables:
        if name in tables() and (source := tables()[name].source):
            checked_file(source, allow_change=request.allow_schema_change)
    require_spark(settings)
    if request.tables & set(models()):
        tracking_uri(settings)
    lakehouse.require_writable(settings)


def _execute(job: dg.JobDefinition, tags: dict[str, str], config: dict[str, Any], on_event: OnEvent) -> RunReport:
    report = RunReport(str(uuid.uuid4()), [node.name for node in job.nodes])

    one_at_a_time = threading.Lock()

    def listen(entry: EventLogEntry) -> None:
        if entry.dagster_event:
            with one_at_a_time:  # called in the threads of steps
                report.add(entry.dagster_event)
                on_event(report, entry.dagster_event)

    with instance() as storage:
        storage.add_event_listener(report.run_id, listen)
        # Dagster's console log would repeat each event with its stack trace; the event log keeps them.
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        # What job.execute_in_process() does, but for the executor: it would run one step at a time.
        core_execute_in_process(
            job=InMemoryJob(job),
            run_id=report.run_id,
            instance=storage,
            run_tags=tags,
            run_config=config | quiet,
            output_capturing_enabled=False,
            raise_on_error=False,
        )
        report.lineage_problem = not_delivered(storage)
    if report.interrupted:
        raise KeyboardInterrupt
    return report
