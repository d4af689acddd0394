"""The incidents on the Health page: what is wrong, since when, what it touches, who was notified, what to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import altair as alt
import pandas as pd
import streamlit as st

from olist_assets.alerts.positions import notified_sinks
from olist_assets.dashboard import data, storage
from olist_assets.dashboard.charts import ORANGE, RED, VIOLET, YELLOW
from olist_assets.errors import OlistError
from olist_assets.governance import roles
from olist_assets.monitoring.event_log import EventLog
from olist_assets.monitoring.incidents import SEVERITIES, Incident
from olist_assets.monitoring.monitoring_incidents import MONITORING_INCIDENTS, current_incidents
from olist_assets.monitoring.runbooks import runbook_links
from olist_assets.monitoring.wording import headline, since_and_affected, state, ui_link
from olist_assets.printable import printable

CACHE_SECONDS, DARK_RED = 15, "#8b1e3f"
MAX_CARDS, MAX_IN_TIMELINE = 3, 25
COLOURS = dict(zip(SEVERITIES, (DARK_RED, RED, ORANGE, VIOLET, YELLOW), strict=True))
BAR_HEIGHT, LEGEND_AND_AXIS = 24, 160
MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:])")


@dataclass(frozen=True)
class Known:
    """All incidents, the worst open ones first, and the sinks that were sent an open one, by its number."""

    incidents: tuple[Incident, ...]
    notified: Mapping[int, Mapping[str, datetime]]

    @property
    def open(self) -> list[Incident]:
        return sorted((each for each in self.incidents if each.closed_at is None), key=lambda each: each.rank)


def known_incidents() -> Known:
    """The incidents, at most CACHE_SECONDS old. Raises QueryFailed for a role that does not see them."""
    warehouse = data.warehouse()
    try:
        if role := roles.in_force(warehouse):
            role.require(warehouse.catalog, [MONITORING_INCIDENTS.name])
        return _known(str(warehouse.root), storage.home())
    except OlistError as error:
        raise data.QueryFailed(f"The incidents could not be read: {error}") from error


@st.cache_resource(ttl=CACHE_SECONDS, show_spinner=False)
def _known(root: str, home: str) -> Known:  # noqa: ARG001
    warehouse, instance = data.warehouse(), storage.instance()
    incidents = current_incidents(warehouse, EventLog(instance, warehouse))
    return Known(tuple(incidents), notified_sinks(instance, warehouse.settings))


def incidents_section() -> None:
    """The open incidents, and all of them over time."""
    with data.section("Incidents"):
        known = known_incidents()
        if not known.open:
            st.success("No open incidents.", icon=":material/check_circle:")
        for incident in known.open[:MAX_CARDS]:
            _card(incident, known.notified.get(incident.incident_id, {}))
        if others := known.open[MAX_CARDS:]:
            _list(others, known.notified)
        if known.incidents:
            with st.expander("Timeline of incidents", expanded=bool(known.open)):
                st.altair_chart(timeline(known.incidents, datetime.now(UTC)))


def _card(incident: Incident, notified: Mapping[str, datetime]) -> None:
    settings = data.settings()
    with st.container(border=True):
        colour = COLOURS[incident.severity]
        st.html(f'<span style="color:{colour};font-weight:600">● {incident.severity}</span>')
        st.markdown(f"**[{shown(headline(incident))}]({ui_link(incident, settings.dagster_url.link)})**")
        st.markdown(shown(incident.problem))
        lines = [
            f"{since_and_affected(incident)} Last seen {incident.last_seen_at:%Y-%m-%d %H:%M} UTC.",
            f"State: {state(incident)}{f'. {incident.note}' if incident.note else ''}",
            f"Notified: {notified_text(notified)}",
        ]
        links = [_runbook(link) for link in runbook_links(incident, settings.runbooks)]
        lines = [*map(shown, lines), f"What to do: {', '.join(links)}"]
        if incident.acknowledged_by is None:
            lines.append(f"Say that you work on it: `olist incidents ack {incident.incident_id}`")
        st.caption("  \n".join(lines))


def _list(incidents: Sequence[Incident], notified: Mapping[int, Mapping[str, datetime]]) -> None:
    settings = data.settings()
    rows = pd.DataFrame(
        {
            "severity": each.severity,
            "incident": printable(headline(each)),
            "since (UTC)": each.opened_at,
            "state": state(each),
            "notified": ", ".join(notified.get(each.incident_id, {})) or "nobody",
            "what to do": ", ".join(link.partition("#")[2] for link in runbook_links(each, settings.runbooks)),
        }
        for each in incidents
    )
    st.markdown(f"**Other open incidents**: {len(incidents)}")
    times = {"since (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")}
    st.dataframe(rows, hide_index=True, height="content", column_config=times)


def notified_text(notified: Mapping[str, datetime]) -> str:
    """The sinks with the times of what they were sent."""
    return ", ".join(f"{sink} ({at:%Y-%m-%d %H:%M} UTC)" for sink, at in notified.items()) or "nobody"


def shown(text: str) -> str:
    """Text of others, in which Markdown has no meaning."""
    return MARKDOWN.sub(r"\\\1", printable(text))


def _runbook(link: str) -> str:
    """A section of the runbooks; only an address can be opened from the page."""
    return f"[{link.partition('#')[2]}]({link})" if link.startswith(("http://", "https://")) else f"`{link}`"


def timeline(incidents: Sequence[Incident], now: datetime) -> alt.Chart:
    """The newest incidents as bars from their beginning to their end, the newest on top."""
    newest = sorted(incidents, key=lambda each: each.incident_id, reverse=True)[:MAX_IN_TIMELINE]
    # An incident of a minute would be invisible in a month.
    shortest = (now - min(each.opened_at for each in newest)) / 100
    rows = pd.DataFrame(
        {
            "incident": f"#{each.incident_id} {each.origin}",
            "severity": each.severity,
            "from": each.opened_at,
            "to": max(each.closed_at or now, each.opened_at + shortest),
            "state": state(each),
            "what": headline(each),
        }
        for each in newest
    )
    present = {severity: colour for severity, colour in COLOURS.items() if severity in set(rows["severity"])}
    colours = alt.Scale(domain=list(present), range=list(present.values()))
    names = alt.Axis(labelLimit=170, labelOverlap=False, ticks=False)
    return (
        alt.Chart(rows, height=BAR_HEIGHT * len(rows) + LEGEND_AND_AXIS)
        .mark_bar(cornerRadius=3)
        .encode(
            x=alt.X("from:T", title=None),
            x2="to:T",
            y=alt.Y("incident:N", title=None, sort=list(rows["incident"]), axis=names),
            color=alt.Color("severity:N", title=None, scale=colours, legend=alt.Legend(orient="top", columns=1)),
            tooltip=["what", "severity", "state", alt.Tooltip("from:T", format="%Y-%m-%d %H:%M")],
        )
    )
