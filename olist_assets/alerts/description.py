"""An incident as a line of a message."""

from olist_assets.alerts.alert import Event, Kind
from olist_assets.monitoring.incidents import Incident
from olist_assets.monitoring.runbooks import runbook_links
from olist_assets.monitoring.wording import headline, since_and_affected, ui_link
from olist_assets.settings import Settings


def describe(settings: Settings, incident: Incident, kind: Kind) -> Event:
    """What is wrong, since when, what it touches, and what to do; or how it ended."""
    subject, title = f"incident:{incident.incident_id}", headline(incident)
    link = ui_link(incident, settings.dagster_url.link)
    if kind == "recovered":
        how = f"Closed by {incident.recorded_by}." if incident.recorded_by else "All that failed is in order again."
        return Event(kind, subject, title, how, link, incident.closed_at or incident.last_seen_at)
    text = f"{incident.problem.rstrip('.')}. {since_and_affected(incident)}"
    runbook = ", ".join(runbook_links(incident, settings.runbooks))
    return Event(kind, subject, title, text, link, incident.last_seen_at, runbook)
