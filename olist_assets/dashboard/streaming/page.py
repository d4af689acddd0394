"""The Streaming page: how late order events are, what became of them, and which days they changed."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from olist_assets.dashboard.charts import show
from olist_assets.dashboard.data import Missing, section
from olist_assets.dashboard.streaming.charts import events_per_minute, lag
from olist_assets.dashboard.streaming.data import Span, batches, changed_days, per_minute, rejects, totals

SECONDS_BETWEEN_LOOKS = 10
SHOWN = 50
TIME = "YYYY-MM-DD HH:mm:ss"
KINDS_NOTE = (
    "Applied: a row of a bronze table changed. Superseded: an event of the same key with the same or a higher sequence "
    "number was known. Rejected: no event; see below."
)


def page() -> None:
    """Figures of the stream, refreshed by themselves."""
    st.title("Streaming")
    span = st.segmented_control("Show", list(Span), default=Span.HOUR, key="span", label_visibility="collapsed")
    _figures(Span(span or Span.HOUR))


@st.fragment(run_every=SECONDS_BETWEEN_LOOKS)
def _figures(span: Span) -> None:
    with section():
        try:
            found = totals()
        except Missing:
            st.info(
                "No order event has been merged yet. Start a broker, the stream and some events with: `olist broker`, "
                "`olist stream`, `olist replay`",
                icon=":material/info:",
            )
            return
        _cards(found)
    with section("Events per minute"):
        show(events_per_minute(per_minute(span)), per_minute(span), "events_per_minute", KINDS_NOTE)
    with section("Lag"):
        note = "Age of the oldest message of a batch when its last table was committed."
        show(lag(batches(span)), batches(span), "lag", note)
    with section("Last batches"):
        _batches(batches(span).head(SHOWN))
    with section("Changed days"):
        _days(changed_days())
    with section("Messages that are no events"):
        _rejects(rejects())


def _cards(found: pd.Series) -> None:
    age = datetime.now(UTC) - found["last"]
    with st.container(horizontal=True):
        st.metric("Last batch", _ago(age.total_seconds()), help="Since its last commit.", border=True)
        st.metric("Lag, 95 %", f"{found['lag_95']:,.1f} s", help="Of all batches that are recorded.", border=True)
        for name in ("rows", "applied", "superseded", "rejected"):
            st.metric("Messages" if name == "rows" else name.capitalize(), f"{found[name]:,.0f}", border=True)


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit} ago"
    return f"{max(seconds, 0):,.0f} s ago"


def _batches(frame: pd.DataFrame) -> None:
    st.dataframe(
        frame,
        hide_index=True,
        column_order=[
            "batch", "committed_at", "rows", "applied", "superseded", "rejected", "days_touched", "lag_seconds",
            "seconds", "offsets_from", "offsets_to",
        ],
        column_config={
            "committed_at": st.column_config.DatetimeColumn("committed at (UTC)", format=TIME),
            "rows": st.column_config.NumberColumn("messages", format="localized"),
            "days_touched": st.column_config.NumberColumn("days", help="Days of purchase of the changed orders."),
            "lag_seconds": st.column_config.NumberColumn("lag (s)", format="%.1f"),
            "seconds": st.column_config.NumberColumn("seconds", format="%.2f", help="To merge the batch."),
        },
    )  # fmt: skip


def _days(frame: pd.DataFrame) -> None:
    if frame.empty:
        st.caption("Dagster has no report of changed days. The stream reports them every half minute and at its end.")
        return
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "at": st.column_config.DatetimeColumn("reported (UTC)", format=TIME),
            "days": st.column_config.ListColumn(width="large", help="The sensor orders_changed makes them again."),
        },
    )


def _rejects(frame: pd.DataFrame) -> None:
    if frame.empty:
        st.caption("There are none.")
        return
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "key": st.column_config.TextColumn("topic/partition/offset"),
            "ingestion_timestamp": st.column_config.DatetimeColumn("read (UTC)", format=TIME),
        },
    )
