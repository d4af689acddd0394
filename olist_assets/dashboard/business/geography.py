"""The map: states as tiles in their approximate position, cities as points. All filters apply."""

from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from olist_assets.dashboard.business import brazil, data
from olist_assets.dashboard.business.charts import text_colour
from olist_assets.dashboard.business.filters import Filters
from olist_assets.dashboard.charts import AMOUNTS, COUNT, DAYS, MONEY, PERCENT, POINTS, SCORE, SCORES, Drawing, show
from olist_assets.dashboard.data import section


@dataclass(frozen=True)
class Measure:
    """What the colours of the map can show: a column with its title and its d3 format."""

    column: str
    title: str
    form: str

    @property
    def is_score(self) -> bool:
        return self.form == SCORE

    def tooltip(self) -> alt.Tooltip:
        return alt.Tooltip(f"{self.column}:Q", title=self.title, format=self.form)

    def colour(self, amounts: alt.Scale) -> alt.Color:
        label = "~s" if self.form in (MONEY, COUNT) else self.form.replace(".1%", ".0%")
        legend = alt.Legend(orient="top", format=label, gradientLength=180, tickCount=4)
        scale = SCORES if self.is_score else amounts
        return alt.Color(f"{self.column}:Q", title=self.title, scale=scale, legend=legend)


MAX_SCORE = 5
MEASURES = (
    Measure("revenue", "Revenue", MONEY),
    Measure("orders", "Orders", COUNT),
    Measure("avg_order_value", "Average order value", MONEY),
    Measure("avg_delivery_days", "Delivery days", DAYS),
    Measure("on_time_rate", "On time", PERCENT),
    Measure("avg_review_score", "Review score", SCORE),
)


def sales(chosen: Filters) -> None:
    """States as tiles and cities as points, coloured by a measure of the user's choice."""
    measure = st.selectbox("Measure", MEASURES, format_func=lambda each: each.title, width=200, key="map_measure")
    found = data.sales(chosen)
    left, right = st.columns([2, 3])
    with left:
        states = found[found["city"].isna()].drop(columns="city").merge(brazil.tiles(), "right", "state")
        shown = states.drop(columns=["column", "row"])
        show(_tiles(states, measure), shown, "states", "States in their approximate position.")
    with right, section():
        cities = found.dropna(subset="city").merge(data.coordinates(), "left", ["state", "city"])
        placed = cities.dropna(subset=["latitude", measure.column])
        note = "Cities; the area shows the number of orders. Cities without known coordinates are only in the CSV."
        show(_points(placed, measure), cities, "cities", note)


def _tooltip(*first: alt.Tooltip) -> list[alt.Tooltip]:
    return [*first, *(measure.tooltip() for measure in MEASURES)]


def _tiles(states: pd.DataFrame, measure: Measure) -> Drawing:
    base = alt.Chart().encode(
        x=alt.X("column:O", axis=None),
        y=alt.Y("row:O", axis=None),
        tooltip=_tooltip(alt.Tooltip("state_name:N", title="State")),
    )
    squares = base.mark_rect(cornerRadius=4, stroke="white", strokeWidth=3).encode(color=measure.colour(AMOUNTS))
    values = states[measure.column]
    # No tile of the scores' scale is dark. A state without orders has no value, and its tile no colour.
    is_dark = alt.datum[measure.column] > (MAX_SCORE if measure.is_score else (values.max() + values.min()) / 2)
    text = base.mark_text(fontSize=13, fontWeight="bold").encode(text="state:N", color=text_colour(is_dark))
    return alt.layer(squares, text, data=states).properties(height=420)


def _points(cities: pd.DataFrame, measure: Measure) -> Drawing:
    circles = (
        alt.Chart(cities)
        .mark_circle(opacity=0.65)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size("orders:Q", scale=alt.Scale(range=[5, 900]), legend=None),
            color=measure.colour(POINTS),
            tooltip=_tooltip(alt.Tooltip("city:N", title="City"), alt.Tooltip("state:N", title="State")),
        )
    )
    return alt.layer(brazil.outline(), circles).project("mercator").properties(height=420)
