"""Events that may become incidents, read from Dagster's event log and the audit log, each from a position on."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial

import dagster as dg
from dagster import DagsterEventType, EventLogRecord

from olist_assets.checks.thresholds import CLOCK_CHECKS
from olist_assets.governance import audit_log, audit_text
from olist_assets.governance.audit_store import NAME, AuditStore
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.monitoring.incidents import CHECK, QUERY, RUN, STEP, Event, Severity
from olist_assets.orchestration.dagster_storage import events_cursor, read_text, write_text
from olist_assets.orchestration.failures import failure_of, reason

# Events per kind that are read at once.
BATCH = 500
MAX_TEXT = 300
DASHBOARD_ACTIONS = ("dashboard", "refresh")
CHECKS_STEP = "_checks"


@dataclass(frozen=True)
class Position:
    """The position in both logs: the id of a Dagster event, and the number of an entry of the audit log."""

    event: int = 0
    audit: int = 0


class EventLog:
    """Both logs of a warehouse and a Dagster instance, and the position up to which they were read."""

    def __init__(self, instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
        self.instance, self._warehouse = instance, warehouse
        self._key = f"olist_incidents/{warehouse.root}"

    def read_up_to(self) -> Position:
        """The stored position: everything before it is in monitoring_incidents, or was in order."""
        text = read_text(self.instance, self._key)
        return Position(**json.loads(text)) if text else Position()

    def store(self, position: Position) -> None:
        write_text(self.instance, self._key, json.dumps(asdict(position)))

    def newest(self) -> Position:
        """The end of both logs."""
        return Position(self.instance.event_log_storage.get_maximum_record_id() or 0, self._last_entry())

    def after(self, position: Position) -> tuple[list[Event], Position]:
        """The events since a position, in order, at most one batch of each kind; and the position after them."""
        events, event = self._dagster_events(position.event)
        entries, audit = self._audit_events(position.audit)
        # The table keeps a text for longer than the log does, and no erasure of a customer reaches it.
        kept = partial(audit_text.kept, self._warehouse.settings)
        found = [replace(each, problem=kept(each.problem)) if each.severity else each for each in events + entries]
        return found, Position(event, audit)

    def _dagster_events(self, after: int) -> tuple[list[Event], int]:
        # First, because events may be stored while the streams are read.
        newest = self.instance.event_log_storage.get_maximum_record_id() or 0
        cursor = events_cursor(after)
        failed, succeeded = (
            self.instance.fetch_run_status_changes(kind, BATCH, cursor, ascending=True).records
            for kind in (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS)
        )
        checked = self.instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=after), BATCH, ascending=True
        )
        streams = [list(records) for records in (failed, succeeded, checked)]
        # After the end of a full batch there may be events that were not read.
        ends = [records[-1].storage_id for records in streams if len(records) == BATCH]
        records = sorted((record for stream in streams for record in stream), key=lambda record: record.storage_id)
        seen = [record for record in records if not ends or record.storage_id <= min(ends)]
        events = [event for record in seen for event in self._events_of(record)]
        return events, min(ends) if ends else max([newest, *(record.storage_id for record in seen)])

    def _events_of(self, record: EventLogRecord) -> list[Event]:
        event = record.event_log_entry.get_dagster_event()
        match event.event_type:
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                return [_check_event(record, event.asset_check_evaluation_data)]
            case DagsterEventType.RUN_FAILURE:
                return self._failed_run_events(record)
            case _:
                return self._good_run_events(record)

    def _failed_run_events(self, record: EventLogRecord) -> list[Event]:
        """One event per failed step; one for the run if no step failed, as for a killed run."""
        entry = record.event_log_entry
        found = self.instance.get_records_for_run(entry.run_id, of_type=DagsterEventType.STEP_FAILURE).records
        failures = [record.event_log_entry for record in found]
        reasons = {str(f.step_key): reason(f.get_dagster_event().step_failure_data.error) for f in failures}
        failure = entry.get_dagster_event()
        _, own_reason = failure_of(failure)
        job = str(entry.job_name)
        return [
            self._step_event(record, job, step, "failed run", why)
            for step, why in (reasons or {"": own_reason or failure.message or "no reason is known"}).items()
        ]

    def _good_run_events(self, record: EventLogRecord) -> list[Event]:
        """A recovery for each way in which a run of its job may have failed before: as a whole, or at a step."""
        entry = record.event_log_entry
        # Not the statistics of the steps, for which Dagster reads every event of the run.
        found = self.instance.get_records_for_run(entry.run_id, of_type=DagsterEventType.STEP_SUCCESS).records
        steps = ["", *(str(success.event_log_entry.step_key) for success in found)]
        job = str(entry.job_name)
        return [self._step_event(record, job, step, None, "The same step succeeded.") for step in steps]

    def _step_event(
        self, record: EventLogRecord, job: str, step: str, severity: Severity | None, problem: str
    ) -> Event:
        table = step.removesuffix(CHECKS_STEP)
        is_table = table in self._warehouse.catalog.functions
        # The step of a table is the same in every job: another job may repair it.
        subject = f"{STEP}{step}" if is_table else f"{RUN}{job}:{step}"
        origin = table if is_table else job
        entry = record.event_log_entry
        at = datetime.fromtimestamp(entry.timestamp, UTC)
        return Event(severity, subject, origin, shortened(problem), at, record.storage_id, run_id=entry.run_id)

    def _audit_events(self, after: int) -> tuple[list[Event], int]:
        last = self._last_entry()
        if last <= after:
            return [], after
        with AuditStore(self._warehouse).connection() as con:
            rows = con.execute(
                f'SELECT number, "at", action, statement, tables, error FROM {NAME} '
                f"WHERE number > {after} AND action IN {DASHBOARD_ACTIONS} AND outcome IS DISTINCT FROM $1 "
                f"ORDER BY number LIMIT {BATCH}",
                [audit_log.ASKED],
            ).fetchall()
        return [_query_event(*row) for row in rows], rows[-1][0] if len(rows) == BATCH else last

    def _last_entry(self) -> int:
        head = AuditStore(self._warehouse).head()
        return head.number if head else 0


class EventLogResource(dg.ConfigurableResource[EventLog]):
    """The logs of the instance that a run belongs to."""

    warehouse: dg.ResourceDependency[Warehouse]

    def create_resource(self, context: dg.InitResourceContext) -> EventLog:
        """Raises CheckError outside of a run."""
        assert context.instance is not None
        return EventLog(context.instance, self.warehouse)


def shortened(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"


def _check_event(record: EventLogRecord, check: dg.AssetCheckEvaluation) -> Event:
    asset, entry = check.asset_key.to_user_string(), record.event_log_entry
    severity: Severity = "failed check" if check.severity == dg.AssetCheckSeverity.ERROR else "warning"
    if check.check_name in CLOCK_CHECKS:
        severity = "missed freshness"
    metrics = ", ".join(f"{name}: {value.value}" for name, value in check.metadata.items())
    return Event(
        None if check.passed else severity,
        f"{CHECK}{asset}:{check.check_name}",
        asset,
        shortened(metrics or check.description or "without metrics"),
        datetime.fromtimestamp(entry.timestamp, UTC),
        record.storage_id,
        run_id=entry.run_id or None,
    )


def _query_event(
    number: int, at: datetime, action: str, statement: str | None, tables: list[str], error: str | None
) -> Event:
    name = f"{action} {shortened(statement or ', '.join(tables))[:80]}"
    severity: Severity | None = "dashboard failure" if error else None
    return Event(severity, f"{QUERY}{name}", name, shortened(error or ""), at, number)
