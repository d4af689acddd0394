"""Events that may become alerts, read from Dagster's event log and the audit log, each from a position on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import dagster as dg
from dagster import DagsterEventType, EventLogRecord

from olist_assets.alerts.alert import Event, Kind
from olist_assets.alerts.digest import shortened
from olist_assets.checks.thresholds import FRESHNESS_CHECK
from olist_assets.governance import audit_log
from olist_assets.governance.audit_store import NAME, AuditStore
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.dagster_storage import events_cursor
from olist_assets.orchestration.failures import failure_of, reason

# Events per kind and tick: a sink that was down for long catches up in some ticks.
BATCH = 500
DASHBOARD_ACTIONS = ("dashboard", "refresh")


@dataclass(frozen=True)
class Position:
    """The position in both logs: the id of a Dagster event, and the number of an entry of the audit log."""

    event: int
    audit: int


def newest(instance: dg.DagsterInstance, warehouse: Warehouse) -> Position:
    """The end of both logs."""
    return Position(instance.event_log_storage.get_maximum_record_id() or 0, _last_entry(warehouse))


def events_after(
    instance: dg.DagsterInstance, warehouse: Warehouse, position: Position
) -> tuple[list[Event], Position]:
    """The events since a position, in order, at most one batch of each kind; and the position after them."""
    events, event = _dagster_events(instance, warehouse, position.event)
    entries, audit = _audit_events(warehouse, position.audit)
    return events + entries, Position(event, audit)


def _dagster_events(instance: dg.DagsterInstance, warehouse: Warehouse, after: int) -> tuple[list[Event], int]:
    cursor = events_cursor(after)
    failed, succeeded = (
        instance.fetch_run_status_changes(kind, BATCH, cursor, ascending=True).records
        for kind in (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS)
    )
    checked = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=after), BATCH, ascending=True
    )
    streams = [list(records) for records in (failed, succeeded, checked)]
    # After the end of a full batch there may be events that were not read.
    ends = [records[-1].storage_id for records in streams if len(records) == BATCH]
    records = sorted((record for stream in streams for record in stream), key=lambda record: record.storage_id)
    seen = [record for record in records if not ends or record.storage_id <= min(ends)]
    events = [event for record in seen for event in _events_of(instance, warehouse, record)]
    return events, seen[-1].storage_id if seen else after


def _events_of(instance: dg.DagsterInstance, warehouse: Warehouse, record: EventLogRecord) -> list[Event]:
    entry, at = record.event_log_entry, datetime.fromtimestamp(record.event_log_entry.timestamp, UTC)
    match entry.get_dagster_event().event_type:
        case DagsterEventType.ASSET_CHECK_EVALUATION:
            return [_check_event(warehouse, entry.get_dagster_event().asset_check_evaluation_data, at)]
        case DagsterEventType.RUN_FAILURE:
            return _failed_run_events(instance, warehouse, entry, at)
        case _:
            return _good_run_events(instance, warehouse, entry.run_id, at)


def _check_event(warehouse: Warehouse, check: dg.AssetCheckEvaluation, at: datetime) -> Event:
    asset = check.asset_key.to_user_string()
    kind: Kind = "failed check" if check.severity == dg.AssetCheckSeverity.ERROR else "warning"
    if check.check_name == FRESHNESS_CHECK:
        kind = "missed freshness"
    path = "/".join(map(quote, check.asset_key.path))
    metrics = ", ".join(f"{name}: {value.value}" for name, value in check.metadata.items())
    return Event(
        "recovered" if check.passed else kind,
        f"check:{asset}:{check.check_name}",
        f"{asset}: {check.check_name}",
        shortened(metrics or check.description or "without metrics"),
        f"{_ui(warehouse)}/assets/{path}?view=checks&checkDetail={check.check_name}",
        at,
    )


def _failed_run_events(
    instance: dg.DagsterInstance, warehouse: Warehouse, entry: dg.EventLogEntry, at: datetime
) -> list[Event]:
    """One event per failed step; one for the run if no step failed, as for a killed run."""
    found = instance.get_records_for_run(entry.run_id, of_type=DagsterEventType.STEP_FAILURE).records
    failures = [record.event_log_entry for record in found]
    reasons = {str(f.step_key): reason(f.get_dagster_event().step_failure_data.error) for f in failures}
    failure = entry.get_dagster_event()
    _, own_reason = failure_of(failure)
    run, link = f"run {entry.run_id[:8]}", f"{_ui(warehouse)}/runs/{entry.run_id}"
    return [
        Event(
            "failed run",
            f"run:{entry.job_name}:{step}",
            f"{entry.job_name}{f' at {step}' if step else ''} ({run})",
            shortened(why),
            link,
            at,
        )
        for step, why in (reasons or {"": own_reason or failure.message or "no reason is known"}).items()
    ]


def _good_run_events(instance: dg.DagsterInstance, warehouse: Warehouse, run_id: str, at: datetime) -> list[Event]:
    """A recovery for each way in which a run of its job may have failed before: as a whole, or at one of its steps."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return []
    steps = ["", *(step.step_key for step in instance.get_run_step_stats(run_id))]
    text, link = "The same step succeeded.", f"{_ui(warehouse)}/runs/{run_id}"
    return [
        Event("recovered", f"run:{run.job_name}:{step}", f"{run.job_name} {step}".strip(), text, link, at)
        for step in steps
    ]


def _audit_events(warehouse: Warehouse, after: int) -> tuple[list[Event], int]:
    last = _last_entry(warehouse)
    if last <= after:
        return [], after
    with AuditStore(warehouse).connection() as con:
        rows = con.execute(
            f'SELECT number, "at", action, statement, tables, error FROM {NAME} '
            f"WHERE number > {after} AND action IN {DASHBOARD_ACTIONS} AND outcome IS DISTINCT FROM $1 "
            f"ORDER BY number LIMIT {BATCH}",
            [audit_log.ASKED],
        ).fetchall()
    return [_query_event(warehouse, *row) for _, *row in rows], rows[-1][0] if len(rows) == BATCH else last


def _query_event(
    warehouse: Warehouse, at: datetime, action: str, statement: str | None, tables: list[str], error: str | None
) -> Event:
    name = shortened(statement or ", ".join(tables))[:80]
    kind: Kind = "dashboard failure" if error else "recovered"
    link = f"{_ui(warehouse)}/assets/dashboard_refresh"
    return Event(
        kind, f"{action}:{name}", f"{action} {name}", shortened(error or "The query succeeds again."), link, at
    )


def _last_entry(warehouse: Warehouse) -> int:
    head = AuditStore(warehouse).head()
    return head.number if head else 0


def _ui(warehouse: Warehouse) -> str:
    return warehouse.settings.dagster_url.link
