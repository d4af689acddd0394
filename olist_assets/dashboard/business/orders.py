"""The sections over delivered orders: KPIs, days, categories, delivery. All filters apply."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import altair as alt
import streamlit as st

from olist_assets.dashboard.business import data
from olist_assets.dashboard.business.charts import amount_axis, lines, over_time, ranked
from olist_assets.dashboard.business.filters import Filters, category_name
from olist_assets.dashboard.charts import COUNT, MONEY, PERCENT, SCORE, brl, download, draw, show

Measures = Mapping[Any, float]


class Card(NamedTuple):
    """A KPI: its value, its change against the previous period, and whether a higher value is better."""

    label: str
    value: str
    change: str | None
    colour: Literal["normal", "inverse"] = "normal"


def kpis(chosen: Filters) -> None:
    """The seven KPIs, each with its change against the previous period of the same length."""
    found = data.kpis(chosen)
    periods = {period.pop("is_recent"): period for period in found.to_dict("records")}
    if True not in periods:
        st.info("No delivered order matches these filters.", icon=":material/filter_alt_off:")
        return
    previous = periods.get(False) if chosen.has_previous else None
    with st.container(horizontal=True, gap="small"):
        for card in _cards(periods[True], previous):
            st.metric(card.label, card.value, card.change, delta_color=card.colour, border=True, width=160)
    note = f"{chosen.since:%d %b %Y} to {chosen.until:%d %b %Y}"
    if previous is None:
        note += ". No changes are shown: there are no data for the whole previous period."
    else:
        note += f", with the change against the {chosen.days} days before."
    note += " Delivered orders; the averages leave out orders without a review or a delivery date."
    download(found, "kpis", note)


def _cards(now: Measures, previous: Measures | None) -> list[Card]:
    def relative(name: str) -> str | None:
        return f"{now[name] / previous[name] - 1:+.1%}" if previous and previous[name] else None

    def absolute(name: str, form: str, scale: float = 1, unit: str = "") -> str | None:
        change = (now[name] - previous[name]) * scale if previous else None
        return None if change is None or math.isnan(change) else f"{change:{form}}{unit}"

    def known(name: str, form: str) -> str:
        return "n/a" if math.isnan(now[name]) else f"{now[name]:{form}}"

    return [
        Card("Revenue", brl(now["revenue"]), relative("revenue")),
        Card("Orders", known("orders", ",.0f"), relative("orders")),
        Card("Customers", known("customers", ",.0f"), relative("customers")),
        Card("Average order value", brl(now["avg_order_value"]), relative("avg_order_value")),
        Card("Delivery days", known("avg_delivery_days", ".1f"), absolute("avg_delivery_days", "+.1f"), "inverse"),
        Card("On time", known("on_time_rate", ".1%"), absolute("on_time_rate", "+.1f", 100, " points")),
        Card("Review score", known("avg_review_score", ".2f"), absolute("avg_review_score", "+.2f")),
    ]


def days(chosen: Filters) -> None:
    """Revenue and orders per day with 7-day and 30-day averages, and the growth of 30-day revenue."""
    found = data.days(chosen)
    revenue, orders, growth = st.tabs(["Revenue", "Orders", "Growth"])
    with revenue:
        means = {"revenue_7d_avg": "7-day average", "revenue_30d_avg": "30-day average"}
        draw(over_time(found, "revenue", means, "Revenue per day, R$", MONEY))
    with orders:
        means = {"orders_7d_avg": "7-day average", "orders_30d_avg": "30-day average"}
        draw(over_time(found, "orders", means, "Orders per day", COUNT))
    with growth:
        rates = {
            "growth_on_previous_30_days": "Against the 30 days before",
            "growth_on_previous_year": "Against the year before",
        }
        draw(lines(found, rates, "Growth of 30-day revenue", PERCENT).properties(height=300))
    download(found, "days", "Averages and growth also use the days before the chosen period.")


def categories(chosen: Filters) -> None:
    """The categories with the largest sales by item price, and their review scores."""
    limit = st.slider("Number of categories", 5, 30, 10, width=300)
    found = data.categories(chosen)
    largest = found.head(limit).assign(name=lambda frame: frame["category"].map(category_name))
    tooltip = [
        alt.Tooltip("name:N", title="Category"),
        alt.Tooltip("revenue:Q", title="Revenue", format=MONEY),
        alt.Tooltip("share:Q", title="Share", format=PERCENT),
        alt.Tooltip("orders:Q", title="Orders", format=COUNT),
        alt.Tooltip("units:Q", title="Units", format=COUNT),
        alt.Tooltip("avg_review_score:Q", title="Review score", format=SCORE),
    ]
    value = alt.X("revenue:Q", title="Item prices, R$", axis=amount_axis())
    note = "Item prices without freight, of delivered orders. Review scores are those of orders with such an item."
    show(ranked(largest, "name", value, tooltip), found, "categories", note)


def delivery(chosen: Filters) -> None:
    """Review scores by how early or late an order was delivered."""
    found = data.delivery(chosen)
    tooltip = [
        alt.Tooltip("delivery:N", title="Delivery"),
        alt.Tooltip("orders:Q", title="Orders", format=COUNT),
        alt.Tooltip("share:Q", title="Share of orders", format=PERCENT),
        alt.Tooltip("avg_review_score:Q", title="Review score", format=SCORE),
        alt.Tooltip("bad_review_share:Q", title="Scores of 2 or less", format=PERCENT),
    ]
    value = alt.X(
        "avg_review_score:Q",
        title="Mean review score, 1 to 5",
        scale=alt.Scale(domain=[0, 5]),
        axis=alt.Axis(tickCount=5),
    )
    note = "Days before or after the promised date. Orders without a review are left out of the scores."
    show(ranked(found, "delivery", value, tooltip), found, "delivery", note)
