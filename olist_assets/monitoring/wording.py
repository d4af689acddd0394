"""Incidents in words, and the page of Dagster's UI that shows what failed."""

from collections.abc import Sequence
from urllib.parse import quote

from olist_assets.monitoring.incidents import CHECK, QUERY, RUN, STEP, Incident

MAX_NAMED = 3


def headline(incident: Incident) -> str:
    """What an incident is about: its number, its origin, and what fails or failed."""
    subjects = incident.failing or incident.checks
    return f"#{incident.incident_id} {incident.origin}: {some([label(each, incident.origin) for each in subjects])}"


def since_and_affected(incident: Incident) -> str:
    """Since when an incident lasts, and the tables that it touches."""
    touched = f" Affects {some(incident.affects)}." if incident.affects else ""
    return f"Since {incident.opened_at:%Y-%m-%d %H:%M} UTC.{touched}"


def state(incident: Incident) -> str:
    """Whether an incident is open, and what a person did about it."""
    if incident.closed_at:
        return f"closed {incident.closed_at:%Y-%m-%d %H:%M}"
    acts = [f"acknowledged by {incident.acknowledged_by}"] if incident.acknowledged_by else []
    acts += [f"muted until {incident.muted_until}"] if incident.muted_until else []
    return ", ".join(acts) or "open"


def label(subject: str, origin: str) -> str:
    """A subject in an incident of this origin, without what the origin says already."""
    kind, _, rest = subject.partition(":")
    if f"{kind}:" == QUERY:
        return "query fails"
    if f"{kind}:" == STEP:
        return f"step {rest}"
    owner, _, name = rest.partition(":")
    if f"{kind}:" == RUN:
        return f"step {name}" if name else "run"
    return name if owner == origin else f"{owner}.{name}"


def some(names: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def ui_link(incident: Incident, ui: str) -> str:
    """The page of Dagster's UI, at this address, about the first thing that fails."""
    subject = (incident.failing or incident.checks)[0]
    if subject.startswith(CHECK):
        _, asset, check = subject.split(":", 2)
        path = "/".join(map(quote, asset.split("/")))
        return f"{ui}/assets/{path}?view=checks&checkDetail={check}"
    return f"{ui}/assets/dashboard_refresh" if subject.startswith(QUERY) else f"{ui}/runs/{incident.run_id}"
