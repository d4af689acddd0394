"""One round of alerts: each sink has its own position, so that one that is down loses nothing and delays no other."""

import json
from datetime import timedelta
from typing import Any

import dagster as dg

from olist_assets.alerts.alert import Event, Sent, due_events
from olist_assets.alerts.digest import digest
from olist_assets.alerts.events import Position, events_after, newest
from olist_assets.alerts.sinks import NotSent, Send, configured
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings


def tick(instance: dg.DagsterInstance, warehouse: Warehouse, cursor: str | None) -> tuple[str, list[str], bool]:
    """Send every sink the events since its last round.

    Returns the new cursor (JSON: a position and the sent alerts, by sink), one line per sink with a result, and whether
    every sink accepted its message. A new sink starts at the end of the logs. Raises OlistError for inconsistent
    settings.
    """
    known: dict[str, Any] = json.loads(cursor) if cursor else {}
    sinks = configured(warehouse.settings)
    # Both logs are read before anything is sent, so that a failure to read cannot make a sink receive a message twice.
    positions = {_position(known[name]) for name in sinks if name in known}
    read = {position: events_after(instance, warehouse, position) for position in positions}
    start, after, results, is_well = newest(instance, warehouse), {}, [], True
    for name, send in sinks.items():
        if name not in known:
            after[name] = _state(start, {})
            results.append(f"{name}: alerts start here")
            continue
        try:
            after[name], subject = _send_due(
                send, warehouse.settings, known[name]["told"], *read[_position(known[name])]
            )
            results += [f"{name}: {subject}"] if subject else []
        except NotSent as error:
            after[name], is_well = known[name], False
            results.append(f"{name}: {error}; the next tick sends its alerts again")
    return json.dumps(after), results, is_well


def _send_due(
    send: Send, settings: Settings, sent: Sent, events: list[Event], position: Position
) -> tuple[dict[str, Any], str]:
    due, remembered = due_events(events, sent, timedelta(hours=settings.alert_quiet_hours))
    if not due:
        return _state(position, remembered), ""
    message = digest(due)
    send(settings, message)
    return _state(position, remembered), message.subject


def _position(state: dict[str, Any]) -> Position:
    return Position(state["event"], state["audit"])


def _state(position: Position, sent: Sent) -> dict[str, Any]:
    # `told` is the name in cursors that are stored already.
    return {"event": position.event, "audit": position.audit, "told": sent}
