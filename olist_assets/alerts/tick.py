"""One round of alerts: each sink has its own position, so that one that is down loses nothing and delays no other."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import dagster as dg

from olist_assets.alerts.alert import Reported, due_events
from olist_assets.alerts.description import describe
from olist_assets.alerts.digest import digest
from olist_assets.alerts.sinks import NotSent, Send, configured
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.monitoring.event_log import EventLog
from olist_assets.monitoring.incidents import Incident
from olist_assets.monitoring.monitoring_incidents import observe, stored_incidents
from olist_assets.settings import Settings


def tick(instance: dg.DagsterInstance, warehouse: Warehouse, cursor: str | None) -> tuple[str, list[str], bool]:
    """Record new incidents, and send every sink those that have changed since its last round.

    Returns the new cursor (JSON: a position and the sent alerts, by sink), one line per sink with a result, and whether
    every sink accepted its message. A new sink starts at the end of the logs. Raises OlistError for inconsistent
    settings.
    """
    known: dict[str, Any] = json.loads(cursor) if cursor else {}
    sinks = configured(warehouse.settings)
    # Recorded before anything is sent, so that a failure to read cannot make a sink receive a message twice.
    _, is_complete = observe(warehouse, EventLog(instance, warehouse))
    incidents = stored_incidents(warehouse)
    after, results, is_well = {}, [], True
    for name, send in sinks.items():
        if name not in known:
            # What happened before a sink was configured is not sent to it.
            after |= {name: _state(_end(incidents))} if is_complete else {}
            results.append(f"{name}: alerts start here" if is_complete else f"{name}: earlier events are being read")
            continue
        try:
            reported, subject = _send_due(send, warehouse.settings, _reported(known[name], incidents), incidents)
            after[name] = _state(reported)
            results += [f"{name}: {subject}"] if subject else []
        except NotSent as error:
            after[name], is_well = known[name], False
            results.append(f"{name}: {error}; the next tick sends its alerts again")
    return json.dumps(after), results, is_well


def _send_due(send: Send, settings: Settings, known: Reported, incidents: Sequence[Incident]) -> tuple[Reported, str]:
    quiet, today = timedelta(hours=settings.alert_quiet_hours), datetime.now(UTC).date()
    due, reported = due_events(incidents, known, quiet, today, partial(describe, settings))
    if not due:
        return reported, ""
    message = digest(due)
    send(settings, message)
    return reported, message.subject


def _end(incidents: Sequence[Incident]) -> Reported:
    revisions, numbers = ([each.revision for each in incidents], [each.incident_id for each in incidents])
    return Reported(max(revisions, default=0), max(numbers, default=0), {})


def _reported(state: Mapping[str, Any], incidents: Sequence[Incident]) -> Reported:
    if "revision" not in state:
        # A cursor from before there were incidents: the sink receives those that are open.
        return Reported(0, _end(incidents).incident, {})
    return Reported(state["revision"], state["incident"], state["sent"])


def _state(reported: Reported) -> dict[str, Any]:
    return {"revision": reported.revision, "incident": reported.incident, "sent": reported.sent}
