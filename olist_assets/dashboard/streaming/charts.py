"""Charts of the Streaming page."""

import altair as alt
import pandas as pd

from olist_assets.dashboard.charts import BLUE, COUNT, GREY, RED, TEAL, Drawing
from olist_assets.dashboard.streaming.data import KINDS

HEIGHT = 220
COLOURS = alt.Scale(domain=list(KINDS), range=[TEAL, GREY, RED])


def events_per_minute(frame: pd.DataFrame) -> alt.Chart:
    """Stacked bars: events by the minute of their commit, by what became of them."""
    return (
        alt.Chart(frame, height=HEIGHT)
        .mark_bar()
        .encode(
            x=alt.X("minute:T", timeUnit="yearmonthdatehoursminutes", title=None),
            y=alt.Y("sum(events):Q", title="events per minute", axis=alt.Axis(format=COUNT)),
            color=alt.Color("kind:N", title=None, scale=COLOURS, legend=alt.Legend(orient="top")),
            tooltip=[alt.Tooltip("minute:T", format="%Y-%m-%d %H:%M"), "kind", alt.Tooltip("events:Q", format=COUNT)],
        )
    )


def lag(frame: pd.DataFrame) -> Drawing:
    """The age of the oldest message of each batch at its last commit, on a root scale."""
    base = alt.Chart(frame, height=HEIGHT).encode(x=alt.X("committed_at:T", title=None))
    seconds = alt.Y("lag_seconds:Q", title="seconds", scale=alt.Scale(type="sqrt"))
    tooltip = ["batch", alt.Tooltip("committed_at:T", format="%H:%M:%S"), "lag_seconds", "rows"]
    return base.mark_line(color=BLUE, opacity=0.35).encode(y=seconds) + base.mark_circle(color=BLUE, size=18).encode(
        y=seconds, tooltip=tooltip
    )
