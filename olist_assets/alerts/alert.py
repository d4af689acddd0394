"""What an alert is, and which are told: one that repeats is not, while it is quiet; a recovery is, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Kind = Literal["failed run", "failed check", "missed freshness", "dashboard failure", "warning", "recovered"]
# The order of a digest.
KINDS: tuple[Kind, ...] = (
    "failed run", "failed check", "missed freshness", "dashboard failure", "warning", "recovered",
)  # fmt: skip
# What a sink remembers of things that still fail: beyond it the oldest is forgotten, and would be told again.
MOST_REMEMBERED = 500
Told = dict[str, Sequence[Any]]
"""Kind and time (POSIX seconds) of the last message by subject."""


@dataclass(frozen=True)
class Event:
    """Something that was seen: `kind` is "recovered" where it is well. `subject` is what stays the same meanwhile."""

    kind: Kind
    subject: str
    title: str
    text: str
    link: str
    at: datetime


def worth_telling(events: Iterable[Event], told: Told, quiet: timedelta) -> tuple[list[Event], Told]:
    """The events that a message is due for, and what is remembered once it is sent. `told` stays as it is."""
    due, remembered = [], dict(told)
    for event in events:
        kind, at = remembered.get(event.subject, (None, 0.0))
        if event.kind == "recovered":
            if kind:
                due.append(event)
                del remembered[event.subject]
        elif event.kind != kind or event.at.timestamp() - at >= quiet.total_seconds():
            due.append(event)
            remembered[event.subject] = (event.kind, event.at.timestamp())
    newest = sorted(remembered.items(), key=lambda item: item[1][1])[-MOST_REMEMBERED:]
    return due, dict(newest)
