"""Runs started from the command line: a selection and a span of days, in this process, with events of each step."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import DagsterEventType, EventLogEntry

from olist_assets.contracts.calendar import Days, joined_spans, spans
from olist_assets.lakehouse.feeds import fed_table
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.lineage.sensor import undelivered
from olist_assets.mlops.places import tracking_uri
from olist_assets.operations.platform import Platform
from olist_assets.operations.selection import assets_to_make, checked_days, with_downstream
from olist_assets.operations.stale import Stale
from olist_assets.orchestration.assets import MAX_RUNS, range_tags
from olist_assets.orchestration.failures import failure_of, reason
from olist_assets.orchestration.in_process import execute, step_keys
from olist_assets.orchestration.job_names import EVERYTHING, MONITORING
from olist_assets.source.drift import checked_file

OnEvent = Callable[["RunReport", dg.DagsterEvent], None]
AfterRun = Callable[[dg.DagsterInstance, Warehouse], str | None]
"""Called after a run; returns a warning for the user."""
AFTER_RUN: tuple[AfterRun, ...] = (undelivered,)


@dataclass
class RunReport:
    """The results of a run so far: rows per table, versions of models, checks by outcome, reasons of failed steps."""

    run_id: str
    planned: list[str]
    rows: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    promotions: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    checks: list[dg.AssetCheckEvaluation] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    """Why the run failed, if no step did."""
    interrupted: bool = False
    notices: list[str] = field(default_factory=list)
    """Warnings of what was done after the run."""

    @property
    def failed_checks(self) -> list[dg.AssetCheckEvaluation]:
        return [c for c in self.checks if not c.passed and c.severity == dg.AssetCheckSeverity.ERROR]

    @property
    def warnings(self) -> list[dg.AssetCheckEvaluation]:
        return [c for c in self.checks if not c.passed and c.severity == dg.AssetCheckSeverity.WARN]

    @property
    def materialized(self) -> set[str]:
        """Tables written, models trained and champions decided."""
        return {*self.rows, *self.versions, *self.promotions}

    @property
    def not_run(self) -> list[str]:
        """Steps that never started because a step before them failed."""
        return [step for step in self.planned if step not in self.seconds and step not in self.failures]

    @property
    def succeeded(self) -> bool:
        return not (self.failures or self.failed_checks or self.not_run)

    def add(self, event: dg.DagsterEvent) -> None:
        """Take an event of the run into account."""
        match event.event_type:
            case DagsterEventType.ASSET_MATERIALIZATION:
                self._add_materialization(event.step_materialization_data.materialization)
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                self.checks.append(event.asset_check_evaluation_data)
            case DagsterEventType.STEP_SUCCESS:
                self.seconds[str(event.step_key)] = event.step_success_data.duration_ms / 1000
            case DagsterEventType.STEP_FAILURE:
                self.failures[str(event.step_key)] = reason(event.step_failure_data.error)
            case DagsterEventType.RUN_FAILURE:
                self.interrupted, self.problem = failure_of(event)
            case _:
                pass

    def _add_materialization(self, materialization: dg.AssetMaterialization) -> None:
        name = materialization.asset_key.to_user_string()
        values = {key: value.value for key, value in materialization.metadata.items()}
        # The event of another day that changed has no count of the whole table.
        if "dagster/row_count" in values:
            self.rows[name] = int(str(values["dagster/row_count"]))
        elif "model_version" in values:
            self.versions[name] = int(str(values["model_version"]))
        elif "decision" in values:
            self.promotions[name] = f"{values['decision']} (version {values['version']})"


@dataclass(frozen=True)
class Request:
    """One run: assets, the days of the daily ones, and whether a schema may change with loss."""

    assets: set[str]
    days: Days
    allow_schema_change: bool = False


def requested(
    platform: Platform,
    selection: str | None,
    span: Days | None,
    *,
    upstream: bool = False,
    downstream: bool = False,
    allow_schema_change: bool = False,
) -> tuple[Platform, Request]:
    """The run of a selection for a span of days, by default of everything or of the daily tables, and its platform.

    A run without a span that reads the orders gets the days that the source has now. Raises OlistError.
    """
    chosen = selection or (",".join(platform.catalog.daily_tables) if span else "*")
    days = checked_days(platform, span or platform.calendar.days)
    assets = assets_to_make(platform, chosen, days, upstream=upstream, downstream=downstream)
    if span is None and any(platform.catalog.tables[name].source_day for name in assets & {*platform.catalog.tables}):
        platform = platform.with_source_days()
        days = platform.calendar.days
    return platform, Request(assets, days, allow_schema_change)


def materialize(platform: Platform, request: Request, on_event: OnEvent, job_name: str = EVERYTHING) -> RunReport:
    """Make assets of a job and run their checks in one run; daily tables for the span of days only."""
    _preflight(platform, request)
    keys = {dg.AssetKey(name) for name in request.assets}
    job = platform.definitions.resolve_job_def(job_name).get_subset(asset_selection=keys)
    policy = {"schema_policy": {"config": {"allow_change": request.allow_schema_change}}}
    is_daily = request.assets & set(platform.catalog.daily_tables)
    return _execute(platform, job, on_event, range_tags(request.days) if is_daily else {}, {"resources": policy})


def stale_requests(platform: Platform, found: Stale, *, downstream: bool) -> list[Request]:
    """The runs that correct what is stale: its tables without days, then one daily table after the other.

    That way a table is complete before the next one is checked against it. Very many spans of days are joined across
    the days between them: making a day again that is right changes nothing.
    """
    every_day, daily = platform.calendar.days, platform.catalog.daily_tables
    requests = [Request(set(found.tables), every_day)] if found.tables else []
    for name in daily:
        differing = spans(day for day, names in found.days.items() if name in names)
        requests += [Request({name}, days) for days in joined_spans(differing, MAX_RUNS)]
    if downstream and requests:
        remade = {*found.tables, *(daily if found.days else ())}
        rest = with_downstream(platform, remade) - remade - set(daily)
        requests.append(Request(rest, every_day))
    return requests


def run_checks(platform: Platform, names: set[str], on_event: OnEvent) -> RunReport:
    """Run the checks of assets without changing anything; no engine."""
    checks = {key for key in platform.graph.asset_check_keys if key.asset_key.to_user_string() in names}
    job = platform.definitions.resolve_job_def(EVERYTHING)
    return _execute(platform, job.get_subset(asset_selection=set(), asset_check_selection=checks), on_event)


def monitor(platform: Platform, on_event: OnEvent) -> RunReport:
    """Run the job `monitoring`; no engine."""
    return _execute(platform, platform.definitions.resolve_job_def(MONITORING), on_event)


def _preflight(platform: Platform, request: Request) -> None:
    """Find a user's mistake before the first write, not in the middle of a run."""
    tables = platform.catalog.tables
    sources = [
        source
        for name in request.assets
        if name in tables and (source := tables[name].source) and not fed_table(platform.warehouse, name)
    ]
    with platform.warehouse.sql() as con:
        for source in sources:
            checked_file(con, platform.settings, source, allow_change=request.allow_schema_change)
    platform.engine.require()
    if request.assets & {*platform.catalog.models, *platform.catalog.promotions}:
        tracking_uri(platform.settings)
    platform.warehouse.require_writable()


def _execute(
    platform: Platform,
    job: dg.JobDefinition,
    on_event: OnEvent,
    tags: dict[str, str] | None = None,
    config: dict[str, Any] | None = None,
    after_run: tuple[AfterRun, ...] = AFTER_RUN,
) -> RunReport:
    report = RunReport(str(uuid.uuid4()), step_keys(job))
    one_at_a_time = threading.Lock()

    def listen(entry: EventLogEntry) -> None:
        if entry.dagster_event:
            with one_at_a_time:  # called in the threads of the steps
                report.add(entry.dagster_event)
                on_event(report, entry.dagster_event)

    with platform.instance() as storage:
        storage.add_event_listener(report.run_id, listen)
        execute(job, storage, report.run_id, tags or {}, config or {})
        report.notices = [notice for hook in after_run if (notice := hook(storage, platform.warehouse))]
    if report.interrupted:
        raise KeyboardInterrupt
    return report
