"""monitoring_incidents: what failed together, since when, what it touches, and what people did about it."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Threshold, Thresholds
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log, audit_text
from olist_assets.lakehouse.history_table import Row, append_derived
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse
from olist_assets.monitoring.incidents import SEVERITIES, Incident, Incidents
from olist_assets.user import real_user

if TYPE_CHECKING:
    from olist_assets.monitoring.event_log import EventLog, Position

MONITORING_INCIDENTS = Table(
    name="monitoring_incidents",
    description=(
        "Failures and warnings that belong together, from the first one to the last recovery. The newest revision of "
        "an incident is its current state."
    ),
    grain="One row per revision of an incident.",
    key=("revision",),
    may_be_empty=True,
    columns=(
        Column("revision", "bigint", "Number of the revision, over all incidents.", minimum=1),
        Column("incident_id", "bigint", "Number of the incident, in the order of their beginnings.", minimum=1),
        Column("origin", "string", "The most upstream failing table; without a table the job or dashboard query."),
        Column("severity", "string", "The worst of its events so far.", accepted=SEVERITIES),
        Column("opened_at", "timestamp", "Time of the first event."),
        Column("last_seen_at", "timestamp", "Time of the last failure or warning."),
        Column("closed_at", "timestamp", "Time of the last recovery, or of the person's act.", nullable=True),
        Column("checks", "array<string>", "Checks, steps, jobs and queries that have failed in the incident."),
        Column("failing", "array<string>", "Those of them that have not recovered yet."),
        Column("affects", "array<string>", "Tables downstream of the origin, by the asset graph."),
        Column("problem", "string", "Metrics of the check or reason of the failure that was the worst, without ids."),
        Column("run_id", "string", "Id of the last Dagster run that failed.", nullable=True),
        Column("acknowledged_by", "string", "User who works on it: it is not repeated.", nullable=True),
        Column("muted_until", "date", "Day before which it is not reported unless it gets worse.", nullable=True),
        Column("note", "string", "What the user wrote about it, without ids.", nullable=True),
        Column("recorded_by", "string", "User who made this revision; null if events made it.", nullable=True),
        Column("recorded_at", "timestamp", "Time at which this revision was recorded.", is_volatile=True),
        Column(
            "last_event", "bigint", "Position of its last event: id of Dagster's event, or number of the audit entry."
        ),
    ),
    thresholds=Thresholds(
        row_change=Threshold(10, "An outage opens many incidents at once, which is no fault of this table."),
        null_rate=Threshold(1, "Every share of open or acknowledged incidents is right."),
    ),
    is_history=True,
    kinds=frozenset({"deltalake", "python"}),
)
ACTION = "incident"
"""The action of a person's acts in the audit log."""
# Batches of events per observation: a first one over years of events must not keep a sensor's tick for too long.
MAX_BATCHES = 20
NEWEST = f"""
SELECT * FROM {MONITORING_INCIDENTS.name}
QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY revision DESC) = 1 ORDER BY incident_id
"""


@table_asset(MONITORING_INCIDENTS)
def monitoring_incidents(warehouse: Resource[Warehouse], events: Resource["EventLog"]) -> list[Row]:
    """The revisions since the last time; `observe` has stored them, under the lock that alerts and people use too."""
    rows, is_complete = observe(warehouse, events)
    while not is_complete:
        more, is_complete = observe(warehouse, events)
        rows += more
    return rows


def observe(warehouse: Warehouse, log: "EventLog") -> tuple[list[Row], bool]:
    """Record what the logs have since the last observation; returns the new rows, and whether that was everything."""
    rows, newest = [], log.newest()
    for _ in range(MAX_BATCHES):
        if log.read_up_to() == newest:
            return rows, True
        ends: list[Position] = []
        rows += append_derived(warehouse, MONITORING_INCIDENTS, lambda ends=ends: _next_rows(warehouse, log, ends))
        # After the rows: a process that is killed in between leaves events that `_start` knows from the rows.
        log.store(ends[0])
    return rows, log.read_up_to() == newest


def _next_rows(warehouse: Warehouse, log: "EventLog", ends: "list[Position]") -> list[Row]:
    """The rows of the next batch of events, whose end is added to `ends`."""
    stored = stored_incidents(warehouse)
    events, end = log.after(_start(stored, log))
    ends.append(end)
    return _rows(Incidents(stored, warehouse.catalog).add(events))


def current_incidents(warehouse: Warehouse, log: "EventLog") -> list[Incident]:
    """All incidents in their current state, with the events since the last observation. Writes nothing."""
    stored = stored_incidents(warehouse)
    incidents, position, newest = Incidents(stored, warehouse.catalog), _start(stored, log), log.newest()
    while position != newest:
        events, position = log.after(position)
        incidents.add(events)
        newest = log.newest()
    return incidents.all


def stored_incidents(warehouse: Warehouse) -> list[Incident]:
    """All incidents in their last recorded state."""
    try:
        table = warehouse.open(MONITORING_INCIDENTS.name)
    except TableMissing:
        return []
    with warehouse.sql({MONITORING_INCIDENTS.name: table}) as con:
        return [_incident(row) for row in con.sql(NEWEST).to_arrow_table().to_pylist()]


def acknowledge(warehouse: Warehouse, log: "EventLog", number: int, note: str | None) -> Incident:
    """Say that the user of this process works on an incident."""
    return _act(warehouse, log, number, "ack", note, lambda found: replace(found, acknowledged_by=real_user()))


def mute(warehouse: Warehouse, log: "EventLog", number: int, until: date, note: str | None) -> Incident:
    """Let an incident be silent before a day, unless it gets worse."""
    return _act(warehouse, log, number, "mute", note, lambda found: replace(found, muted_until=until))


def close(warehouse: Warehouse, log: "EventLog", number: int, note: str | None) -> Incident:
    """End an incident; what still fails opens another one when it fails again."""
    return _act(warehouse, log, number, "close", note, lambda found: replace(found, closed_at=datetime.now(UTC)))


def _act(
    warehouse: Warehouse, log: "EventLog", number: int, act: str, note: str | None,
    change: Callable[[Incident], Incident],
) -> Incident:  # fmt: skip
    is_complete = False
    while not is_complete:
        _, is_complete = observe(warehouse, log)

    def derive() -> list[Row]:
        stored = stored_incidents(warehouse)
        changed = change(_open_incident(stored, number))
        noted = replace(changed, note=audit_text.kept(warehouse.settings, note) if note else changed.note)
        return _rows(Incidents(stored, warehouse.catalog).change(noted, real_user()))

    (row,) = append_derived(warehouse, MONITORING_INCIDENTS, derive)
    incident = _incident(row)
    tables = [incident.origin] if incident.origin in warehouse.catalog.tables else []
    audit_log.record_or(audit_log.warn, warehouse, ACTION, tables, statement=f"{act} {number}")
    return incident


def _open_incident(stored: list[Incident], number: int) -> Incident:
    by_number = {incident.incident_id: incident for incident in stored}
    opened = ", ".join(str(n) for n, incident in by_number.items() if incident.closed_at is None) or "none"
    if number not in by_number:
        raise OlistError(f"There is no incident {number}. Open incidents: {opened}.")
    if closed_at := by_number[number].closed_at:
        raise OlistError(f"Incident {number} was closed at {closed_at:%Y-%m-%d %H:%M} UTC. Open incidents: {opened}.")
    return by_number[number]


def _start(stored: list[Incident], log: "EventLog") -> "Position":
    """The position after all events that are recorded; the beginning of a log that was replaced by a shorter one."""
    position, newest = log.read_up_to(), log.newest()
    event = max([position.event, *(each.last_event for each in stored if not each.is_audit)])
    audit = max([position.audit, *(each.last_event for each in stored if each.is_audit)])
    return replace(position, event=event if event <= newest.event else 0, audit=audit if audit <= newest.audit else 0)


def _rows(incidents: list[Incident]) -> list[Row]:
    return [asdict(incident) for incident in incidents]


def _incident(row: Row) -> Incident:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Incident(**fields)
