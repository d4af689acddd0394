"""Which incidents are sent again, how many are remembered, and how long a message can become."""

from datetime import UTC, date, datetime, timedelta

from olist_assets.alerts.alert import MAX_REMEMBERED, Event, Kind, Reported, due_events
from olist_assets.alerts.digest import MAX_PER_KIND, digest
from olist_assets.monitoring.incidents import Incident, Severity

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIET, TODAY = timedelta(hours=24), date(2026, 1, 1)
NOTHING = Reported(0, 0, {})


def incident(severity: Severity, revision: int = 1, number: int = 1, hours: float = 0.0) -> Incident:
    at = NOW + timedelta(hours=hours)
    return Incident(
        revision=revision, incident_id=number, origin="t", severity=severity, opened_at=NOW, last_seen_at=at,
        closed_at=None, checks=("check:t:c",), failing=("check:t:c",), affects=(), problem="rows: 7", run_id=None,
        acknowledged_by=None, muted_until=None, note=None, recorded_by=None, recorded_at=at, last_event=revision,
    )  # fmt: skip


def described(incident: Incident, kind: Kind) -> Event:
    return Event(kind, str(incident.incident_id), "title", "text", "link", incident.last_seen_at)


def due(known: Reported, *incidents: Incident) -> tuple[list[Event], Reported]:
    return due_events(incidents, known, QUIET, TODAY, described)


def test_failure_is_sent_again_after_the_quiet_hours_and_a_worse_one_at_once():
    known, sent_at = NOTHING, []
    for revision, hours in enumerate((0, 23.9, 24), 1):
        events, known = due(known, incident("warning", revision, hours=hours))
        sent_at += [event.at for event in events]
    assert sent_at == [NOW, NOW + QUIET]
    assert due(known, incident("failed check", 4, hours=25))[0]
    assert not due(known, incident("warning", 4, hours=25))[0]


def test_remembered_alerts_and_the_length_of_a_message_are_bounded():
    many = [incident("warning", n, n, n / 1000) for n in range(1, MAX_REMEMBERED + 11)]
    events, known = due(NOTHING, *many)
    assert (len(events), len(known.sent), "1" in known.sent) == (MAX_REMEMBERED + 10, MAX_REMEMBERED, False)
    message = digest(events)
    assert message.text.count("\n- ") == MAX_PER_KIND
    assert f"and {MAX_REMEMBERED + 10 - MAX_PER_KIND} more" in message.text
    assert all(len(block["text"]["text"]) <= 3000 for block in message.blocks)
