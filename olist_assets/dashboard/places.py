"""The Business page's map: states as tiles in about their place, cities as points. All filters apply."""

import altair as alt
import pandas as pd
import streamlit as st

from olist_assets.dashboard import brazil, charts, data
from olist_assets.dashboard.filters import Filters
from olist_assets.dashboard.orders import MEASURES

# Of a place's orders: what the map shows, its name and its format.
ON_THE_MAP = {
    "revenue": ("Revenue", charts.MONEY),
    "orders": ("Orders", charts.COUNT),
    "avg_order_value": ("Average order", charts.MONEY),
    "avg_delivery_days": ("Delivery days", charts.DAYS),
    "on_time_rate": ("On time", charts.PERCENT),
    "avg_review_score": ("Review score", charts.SCORE),
}


def sold(chosen: Filters) -> None:
    """States as tiles and cities as points, by a measure of the reader's choice."""
    measure = st.selectbox(
        "Measure", list(ON_THE_MAP), format_func=lambda name: ON_THE_MAP[name][0], width=200, key="map_measure"
    )
    both = _places(chosen)
    tiles, points = st.columns([2, 3])
    with tiles:
        states = both[both["city"].isna()].drop(columns="city").merge(brazil.tiles(), "right", "state")
        charts.shown(
            _tiles(states, measure), states.drop(columns=["column", "row"]), "states", "States, about where they lie."
        )
    with points, data.section():
        where = data.answer(
            "SELECT customer_state AS state, customer_city AS city, latitude, longitude FROM gold_geographic_metrics"
        )
        cities = both.dropna(subset="city").merge(where, "left", ["state", "city"])
        told = "Cities: the area is their orders. Those without a known place are in the CSV only."
        charts.shown(_points_on_map(cities.dropna(subset=["latitude", measure]), measure), cities, "cities", told)


def _places(chosen: Filters) -> pd.DataFrame:
    """The measures of each state, whose `city` is null, and of each of its cities."""
    return data.answer(
        f"SELECT customer_state AS state, customer_city AS city, {MEASURES} FROM silver_orders_master "
        f"WHERE order_date BETWEEN $since AND $until AND {chosen.orders} "
        "GROUP BY GROUPING SETS ((state), (state, city)) ORDER BY revenue DESC",
        since=chosen.since,
        until=chosen.until,
        **chosen.params,
    )


def _tips(*first: alt.Tooltip) -> list[alt.Tooltip]:
    return [*first, *(alt.Tooltip(f"{name}:Q", title=title, format=f) for name, (title, f) in ON_THE_MAP.items())]


def _colour(measure: str, amounts: alt.Scale) -> alt.Color:
    title, form = ON_THE_MAP[measure]
    scale = charts.SCORES if measure == "avg_review_score" else amounts
    label = "~s" if form in (charts.MONEY, charts.COUNT) else form.replace(".1%", ".0%")
    legend = alt.Legend(orient="top", format=label, gradientLength=180, tickCount=4)
    return alt.Color(f"{measure}:Q", title=title, scale=scale, legend=legend)


def _tiles(states: pd.DataFrame, measure: str) -> charts.Drawing:
    base = alt.Chart().encode(
        x=alt.X("column:O", axis=None),
        y=alt.Y("row:O", axis=None),
        tooltip=_tips(alt.Tooltip("state_name:N", title="State")),
    )
    squares = base.mark_rect(cornerRadius=4, stroke="white", strokeWidth=3).encode(
        color=_colour(measure, charts.AMOUNTS)
    )
    # Dark tiles carry white letters. A state without an order has none of either.
    middle = (states[measure].max() + states[measure].min()) / 2
    dark = alt.datum[measure] > (middle if measure != "avg_review_score" else 9)
    text = base.mark_text(fontSize=13, fontWeight="bold").encode(
        text="state:N", color=alt.condition(dark, alt.value("white"), alt.value("#1e293b"))
    )
    return alt.layer(squares, text, data=states).properties(height=420)


def _points_on_map(cities: pd.DataFrame, measure: str) -> charts.Drawing:
    circles = (
        alt.Chart(cities)
        .mark_circle(opacity=0.65)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size("orders:Q", scale=alt.Scale(range=[5, 900]), legend=None),
            color=_colour(measure, charts.POINTS),
            tooltip=_tips(alt.Tooltip("city:N", title="City"), alt.Tooltip("state:N", title="State")),
        )
    )
    return alt.layer(brazil.outline(), circles).project("mercator").properties(height=420)
