"""One round of alerts: each sink from its own position, so that a dead one loses nothing and the others go on."""

import json
from datetime import timedelta
from typing import Any

import dagster as dg

from olist_assets.alerts.alert import Event, Told, worth_telling
from olist_assets.alerts.digest import digest
from olist_assets.alerts.events import Position, events_after, newest
from olist_assets.alerts.sinks import NotSent, Send, configured
from olist_assets.settings import Settings


def tick(instance: dg.DagsterInstance, settings: Settings, cursor: str | None) -> tuple[str, list[str], bool]:
    """Tell every sink what it does not know yet.

    Gives the cursor after it (JSON: a position and what was told, by sink), what was done, and whether all was.
    A sink that is new begins at the end of the logs. Raises OlistError for settings that contradict themselves.
    """
    known: dict[str, Any] = json.loads(cursor) if cursor else {}
    sinks = configured(settings)
    # Both logs are read before anything is sent: a sink that was told must not be told again because reading failed.
    positions = {_position(known[name]) for name in sinks if name in known}
    read = {position: events_after(instance, settings, position) for position in positions}
    start, after, done, is_well = newest(instance, settings), {}, [], True
    for name, send in sinks.items():
        if name not in known:
            after[name] = _state(start, {})
            done.append(f"{name}: alerts begin from here")
            continue
        try:
            after[name], told = _told_to(send, settings, known[name]["told"], *read[_position(known[name])])
            done += [f"{name}: {told}"] if told else []
        except NotSent as error:
            after[name], is_well = known[name], False
            done.append(f"{name}: {error}; its alerts wait for the next tick")
    return json.dumps(after), done, is_well


def _told_to(
    send: Send, settings: Settings, told: Told, events: list[Event], position: Position
) -> tuple[dict[str, Any], str]:
    due, remembered = worth_telling(events, told, timedelta(hours=settings.alert_quiet_hours))
    if not due:
        return _state(position, remembered), ""
    message = digest(due)
    send(settings, message)
    return _state(position, remembered), message.subject


def _position(state: dict[str, Any]) -> Position:
    return Position(state["event"], state["audit"])


def _state(position: Position, told: Told) -> dict[str, Any]:
    return {"event": position.event, "audit": position.audit, "told": told}
