"""Alerts about incidents, and which of them are sent: new and worse ones at once, a lasting one after quiet hours."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from olist_assets.monitoring.incidents import SEVERITIES, Incident, Severity

Kind = Severity | Literal["recovered"]
# The order of a digest.
KINDS: tuple[Kind, ...] = (*SEVERITIES, "recovered")
# Alerts remembered per sink while they still fail; beyond that the oldest is dropped and would be sent again.
MAX_REMEMBERED = 500
Sent = dict[str, Sequence[Any]]
"""Severity, time (POSIX seconds) and number of checks of the last message, by the number of the incident."""


@dataclass(frozen=True)
class Event:
    """What a message says about one incident; `kind` is "recovered" for one that is closed."""

    kind: Kind
    subject: str
    title: str
    text: str
    link: str
    at: datetime
    runbook: str = ""


@dataclass(frozen=True)
class Reported:
    """What a sink knows: the last revision and incident that it was offered, and what was sent."""

    revision: int
    incident: int
    sent: Sent


Describe = Callable[[Incident, Kind], Event]


def due_events(
    incidents: Iterable[Incident], known: Reported, quiet: timedelta, today: date, describe: Describe
) -> tuple[list[Event], Reported]:
    """The events to send now, and what the sink knows once they are sent. `known` is not changed."""
    due, remembered = [], dict(known.sent)
    revision, newest = known.revision, known.incident
    for incident in sorted(incidents, key=lambda each: each.revision):
        if incident.revision <= known.revision:
            continue
        revision, newest = incident.revision, max(newest, incident.incident_id)
        number, sent = str(incident.incident_id), remembered.get(str(incident.incident_id))
        is_new = incident.incident_id > known.incident
        is_due = _is_due(incident, sent, quiet, today)
        if is_due and (is_new or not incident.closed_at):
            due.append(describe(incident, incident.severity))
        if incident.closed_at:
            if (sent or (is_due and is_new)) and not incident.is_muted(today):
                due.append(describe(incident, "recovered"))
            remembered.pop(number, None)
        elif is_due or sent is None:
            # One that is silenced before it was sent is remembered too, without a time, so that it can get worse.
            at = incident.last_seen_at.timestamp() if is_due else 0.0
            remembered[number] = (incident.severity, at, len(incident.checks))
    kept = sorted(remembered.items(), key=lambda item: item[1][1])[-MAX_REMEMBERED:]
    return due, Reported(revision, newest, dict(kept))


def _is_due(incident: Incident, sent: Sequence[Any] | None, quiet: timedelta, today: date) -> bool:
    """Whether a message about a failure is due, given the last one."""
    is_silenced = incident.acknowledged_by is not None or incident.is_muted(today)
    if sent is None:
        return not is_silenced
    severity, at, checks = sent
    if SEVERITIES.index(incident.severity) < SEVERITIES.index(severity) or len(incident.checks) > checks:
        return True
    return not is_silenced and incident.last_seen_at.timestamp() - at >= quiet.total_seconds()
