"""Alerts, and which of them are sent: repetitions only after the quiet hours, a recovery once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Kind = Literal["failed run", "failed check", "missed freshness", "dashboard failure", "warning", "recovered"]
# The order of a digest.
KINDS: tuple[Kind, ...] = (
    "failed run", "failed check", "missed freshness", "dashboard failure", "warning", "recovered",
)  # fmt: skip
# Alerts remembered per sink while they still fail; beyond that the oldest is dropped and would be sent again.
MAX_REMEMBERED = 500
Sent = dict[str, Sequence[Any]]
"""Kind and time (POSIX seconds) of the last message, by subject."""


@dataclass(frozen=True)
class Event:
    """An observed event; `kind` is "recovered" for a good state. `subject` identifies it across repetitions."""

    kind: Kind
    subject: str
    title: str
    text: str
    link: str
    at: datetime


def due_events(events: Iterable[Event], sent: Sent, quiet: timedelta) -> tuple[list[Event], Sent]:
    """The events to send now, and what is remembered once they are sent. `sent` is not changed."""
    due, remembered = [], dict(sent)
    for event in events:
        kind, at = remembered.get(event.subject, (None, 0.0))
        if event.kind == "recovered":
            if kind:
                due.append(event)
                del remembered[event.subject]
        elif event.kind != kind or event.at.timestamp() - at >= quiet.total_seconds():
            due.append(event)
            remembered[event.subject] = (event.kind, event.at.timestamp())
    newest = sorted(remembered.items(), key=lambda item: item[1][1])[-MAX_REMEMBERED:]
    return due, dict(newest)
