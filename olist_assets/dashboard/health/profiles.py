"""The profiles of a table on the Health page: one metric over time, beside what was usual on each day."""

import altair as alt
import pandas as pd
import streamlit as st

from olist_assets.contracts.table import Table
from olist_assets.contracts.thresholds import profile_name
from olist_assets.dashboard import data
from olist_assets.dashboard.charts import BLUE, GREY, RED, Drawing, show

LEGEND = (
    "The line is the value of each day, the band is what was usual after the 56 days before it. Red days are unusual; "
    "those of known events do not warn."
)
OF_METRIC = """
    SELECT CAST(day AS TIMESTAMP) AS day, value, expected, expected - $deviations * spread AS low,
      expected + $deviations * spread AS high, is_unusual
    FROM monitoring_profiles
    WHERE "table" = $name AND metric = $metric AND "column" = $column AND segment = $segment ORDER BY day
"""


def profiles_section(table: Table) -> None:
    """One metric of a table with profiles, chosen by the reader; that of the address, as a warning gives it."""
    st.markdown("**Profiles of days**")
    metrics = _metrics(table.name)
    if not metrics:
        st.info("Not measured yet. Measure them with: `olist monitor`", icon=":material/info:")
        return
    chosen = metrics[st.selectbox("Metric", list(metrics), key="profile", bind="query-params")]
    days = data.answer(OF_METRIC, name=table.name, deviations=table.thresholds.deviations.value, **chosen)
    show(profile_chart(days), days, f"{table.name}_profile", LEGEND)


def _metrics(table: str) -> dict[str, dict[str, str]]:
    """The metrics of a table by name, those with the newest unusual day first."""
    found = data.answer(
        'SELECT metric, "column", segment, max(day) FILTER (is_unusual) AS newest FROM monitoring_profiles '
        'WHERE "table" = $name GROUP BY ALL ORDER BY newest DESC NULLS LAST, 1, 2, 3',
        name=table,
    )
    rows = zip(found["metric"], found["column"], found["segment"], strict=True)
    return {
        profile_name(metric, column, segment): {"metric": metric, "column": column, "segment": segment}
        for metric, column, segment in rows
    }


def profile_chart(days: pd.DataFrame) -> Drawing:
    """`value` by `day` within the band from `low` to `high`, with a point for each day that is unusual."""
    base = alt.Chart(days).encode(x=alt.X("day:T", title=None))
    scale = alt.Scale(zero=False)
    tooltip = [alt.Tooltip("day:T", format="%Y-%m-%d"), alt.Tooltip("value:Q", format=",.4~f"), "expected:Q"]
    return alt.layer(
        base.mark_area(color=GREY, opacity=0.3).encode(y=alt.Y("low:Q", title=None, scale=scale), y2="high:Q"),
        base.mark_line(color=BLUE, strokeWidth=1.2).encode(y=alt.Y("value:Q", title=None)),
        base.mark_point(color=RED, filled=True, size=45, opacity=1)
        .encode(y="value:Q", tooltip=tooltip)
        .transform_filter(alt.datum.is_unusual),
    )
