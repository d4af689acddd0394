"""Incidents: events that belong together, from the first failure to the last recovery. Reads and writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from olist_assets.contracts.catalog import Catalog

Severity = Literal["failed run", "failed check", "missed freshness", "dashboard failure", "warning"]
# The worst first.
SEVERITIES: tuple[Severity, ...] = ("failed run", "failed check", "missed freshness", "dashboard failure", "warning")
# Those that stop the tables downstream.
STOPPING = ("failed run", "failed check")
# The first word of a subject says what it is.
CHECK, STEP, RUN, QUERY = "check:", "step:", "run:", "query:"
# A table downstream that fails later than this after the table upstream has a cause of its own.
JOINED_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Event:
    """What a log says about one subject: a check, a step, a job or a query of the dashboard."""

    severity: Severity | None
    """None where the subject is in order."""
    subject: str
    """Identifies what was observed, across repetitions."""
    origin: str
    """The table that the event is about; without a table the job or query."""
    problem: str
    at: datetime
    number: int
    """The position in its log."""
    run_id: str | None = None


@dataclass(frozen=True)
class Incident:
    """The state of an incident after a revision; the fields are the columns of monitoring_incidents."""

    revision: int
    incident_id: int
    origin: str
    severity: Severity
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    checks: tuple[str, ...]
    failing: tuple[str, ...]
    affects: tuple[str, ...]
    problem: str
    run_id: str | None
    acknowledged_by: str | None
    muted_until: date | None
    note: str | None
    recorded_by: str | None
    recorded_at: datetime
    last_event: int

    @property
    def is_audit(self) -> bool:
        """Whether `last_event` is a number of the audit log; an incident has events of one log only."""
        return self.checks[0].startswith(QUERY)

    @property
    def rank(self) -> tuple[int, bool, int]:
        """The worst incident first, of equally bad ones those that nobody works on, then the one that began first."""
        return SEVERITIES.index(self.severity), self.acknowledged_by is not None, self.incident_id

    def is_muted(self, today: date) -> bool:
        return self.muted_until is not None and today < self.muted_until


class Incidents:
    """The incidents of a warehouse, by id, and what further events make of them."""

    def __init__(self, known: Iterable[Incident], catalog: Catalog) -> None:
        self._by_id = {incident.incident_id: incident for incident in known}
        self._revision = max((incident.revision for incident in self.all), default=0)
        self._upstream = {name: catalog.ancestors(name) for name in catalog.functions}
        self._tables = catalog.tables

    @property
    def all(self) -> list[Incident]:
        return list(self._by_id.values())

    def add(self, events: Sequence[Event]) -> list[Incident]:
        """The incidents that the events open or change, each in its newest state."""
        before = dict(self._by_id)
        for event in events:
            changed = self._recovered(event) if event.severity is None else self._failed(event, event.severity)
            if changed:
                self._by_id[changed.incident_id] = changed
        return self._revised({i: new for i, new in self._by_id.items() if new != before.get(i)}, None)

    def change(self, incident: Incident, by: str) -> list[Incident]:
        """The incident in the state that a person gave it."""
        return self._revised({incident.incident_id: incident}, by)

    def _revised(self, changed: Mapping[int, Incident], by: str | None) -> list[Incident]:
        revised: list[Incident] = []
        for incident in changed.values():
            self._revision += 1
            now = datetime.now(UTC)
            revised.append(replace(incident, revision=self._revision, recorded_by=by, recorded_at=now))
        self._by_id |= {incident.incident_id: incident for incident in revised}
        return revised

    def _recovered(self, event: Event) -> Incident | None:
        incident = next((each for each in self._open() if event.subject in each.failing), None)
        if incident is None:
            return None
        failing = tuple(subject for subject in incident.failing if subject != event.subject)
        closed_at = None if failing else event.at
        return replace(incident, failing=failing, closed_at=closed_at, last_event=event.number)

    def _failed(self, event: Event, severity: Severity) -> Incident:
        incident = self._incident_of(event)
        if incident is None:
            return self._opened(event, severity)
        is_worse = SEVERITIES.index(severity) < SEVERITIES.index(incident.severity)
        is_upstream = event.origin in self._upstream.get(incident.origin, ())
        origin = event.origin if is_upstream else incident.origin
        return replace(
            incident,
            origin=origin,
            severity=severity if is_worse else incident.severity,
            last_seen_at=max(event.at, incident.last_seen_at),
            checks=_with(incident.checks, event.subject, is_first=is_worse),
            failing=_with(incident.failing, event.subject, is_first=is_worse),
            affects=self._downstream(origin) if is_upstream else incident.affects,
            problem=event.problem if is_worse or incident.failing == (event.subject,) else incident.problem,
            run_id=event.run_id or incident.run_id,
            last_event=event.number,
        )

    def _opened(self, event: Event, severity: Severity) -> Incident:
        return Incident(
            revision=0, incident_id=max(self._by_id, default=0) + 1, origin=event.origin, severity=severity,
            opened_at=event.at, last_seen_at=event.at, closed_at=None, checks=(event.subject,),
            failing=(event.subject,), affects=self._downstream(event.origin), problem=event.problem,
            run_id=event.run_id, acknowledged_by=None, muted_until=None, note=None, recorded_by=None,
            recorded_at=event.at, last_event=event.number,
        )  # fmt: skip

    def _incident_of(self, event: Event) -> Incident | None:
        """The open incident of the subject, else of its table, else the worst one up- or downstream that fails now."""
        opened = sorted(self._open(), key=lambda each: each.rank)
        of_subject = (each for each in opened if event.subject in each.checks)
        of_table = (each for each in opened if each.origin == event.origin)
        of_lineage = (each for each in opened if self._is_related(each, event))
        return next((each for found in (of_subject, of_table, of_lineage) for each in found), None)

    def _is_related(self, incident: Incident, event: Event) -> bool:
        is_serious, event_is_serious = incident.severity in STOPPING, event.severity in STOPPING
        # A warning upstream does not explain that a table downstream is wrong or could not be made.
        if incident.origin in self._upstream.get(event.origin, ()):
            return is_serious >= event_is_serious and event.at - incident.last_seen_at <= JOINED_WITHIN
        # What began downstream before this table failed has another cause, unless one run reported both.
        is_one_run = event.run_id is not None and event.run_id == incident.run_id
        is_upstream = event.origin in self._upstream.get(incident.origin, ())
        return is_upstream and is_one_run and event_is_serious >= is_serious

    def _open(self) -> Iterable[Incident]:
        return (incident for incident in self._by_id.values() if incident.closed_at is None)

    def _downstream(self, origin: str) -> tuple[str, ...]:
        return tuple(name for name in self._tables if origin in self._upstream[name])


def _with(subjects: tuple[str, ...], subject: str, *, is_first: bool) -> tuple[str, ...]:
    """The subjects with another one, which comes first if it is the worst so far: headlines and links begin with it."""
    if is_first:
        return (subject, *(each for each in subjects if each != subject))
    return subjects if subject in subjects else (*subjects, subject)
