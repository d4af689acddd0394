"""Which alerts are sent again, how many are remembered, and how long a message can become."""

from datetime import UTC, datetime, timedelta

from olist_assets.alerts.alert import MAX_REMEMBERED, Event, Kind, due_events
from olist_assets.alerts.digest import MAX_PER_KIND, digest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = timedelta(hours=24)


def event(kind: Kind, subject: str = "s", hours: float = 0.0) -> Event:
    return Event(kind, subject, subject, "text", "link", NOW + timedelta(hours=hours))


def test_failure_is_sent_again_after_the_quiet_hours_and_a_worse_one_at_once():
    due, sent = due_events([event("warning", hours=h) for h in (0, 23.9, 24)], {}, QUIET)
    assert [e.at for e in due] == [NOW, NOW + QUIET]
    assert due_events([event("failed check", hours=25)], sent, QUIET)[0]
    assert not due_events([event("warning", hours=25)], sent, QUIET)[0]


def test_remembered_alerts_and_the_length_of_a_message_are_bounded():
    many = [event("warning", f"s{n}", n / 1000) for n in range(MAX_REMEMBERED + 10)]
    due, sent = due_events(many, {}, QUIET)
    assert (len(due), len(sent), "s0" in sent) == (MAX_REMEMBERED + 10, MAX_REMEMBERED, False)
    message = digest(due)
    assert message.text.count("\n- ") == MAX_PER_KIND
    assert f"and {MAX_REMEMBERED + 10 - MAX_PER_KIND} more" in message.text
    assert all(len(block["text"]["text"]) <= 3000 for block in message.blocks)
