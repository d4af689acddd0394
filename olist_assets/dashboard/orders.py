"""The Business page's sections over delivered orders: figures, days, categories, delivery. All filters apply."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import streamlit as st

from olist_assets.dashboard import charts, data
from olist_assets.dashboard.filters import Filters, category_name, in_states

Figures = Mapping[Any, float]
Colour = Literal["normal", "inverse"]
# What one delivered order counts for; each is asked of silver_orders_master, as queries/kpis.sql does.
MEASURES = """
    sum(order_total_value) AS revenue,
    count(*) AS orders,
    revenue / orders AS avg_order_value,
    avg(delivery_days) AS avg_delivery_days,
    avg((delivery_delay <= 0)::INT) AS on_time_rate,
    avg(avg_review_score) AS avg_review_score
"""


def figures(chosen: Filters) -> None:
    """The seven figures, each with its change against the period of equal length before."""
    found = data.answer(
        f"SELECT order_date >= $since AS is_recent, {MEASURES}, "
        "count(DISTINCT customer_unique_id) AS customers FROM silver_orders_master "
        f"WHERE order_date BETWEEN $before AND $until AND {chosen.orders} GROUP BY is_recent",
        since=chosen.since,
        before=chosen.before,
        until=chosen.until,
        **chosen.params,
    )
    periods = {period.pop("is_recent"): period for period in found.to_dict("records")}
    if True not in periods:
        st.info("No delivered order fits these filters.", icon=":material/filter_alt_off:")
        return
    before = periods.get(False) if chosen.has_before else None
    with st.container(horizontal=True, gap="small"):
        for label, value, change, colour in _cards(periods[True], before):
            st.metric(label, value, change, delta_color=colour, border=True, width=160)
    span = f"{chosen.since:%d %b %Y} to {chosen.until:%d %b %Y}"
    if before is None:
        told = f"{span}. No change is shown: the data do not reach back over the whole period before."
    else:
        told = f"{span}, and the change against the {chosen.days} days before."
    told += " Delivered orders; a missing review or delivery date counts for nothing, not for zero."
    charts.download(found, "figures", told)


def _cards(now: Figures, before: Figures | None) -> list[tuple[str, str, str | None, Colour]]:
    """Label, value, change and whether more is good."""

    def relative(name: str) -> str | None:
        return f"{now[name] / before[name] - 1:+.1%}" if before and before[name] else None

    def absolute(name: str, form: str, scale: float = 1, unit: str = "") -> str | None:
        change = (now[name] - before[name]) * scale if before else None
        return None if change is None or math.isnan(change) else f"{change:{form}}{unit}"

    def known(name: str, form: str) -> str:
        return "n/a" if math.isnan(now[name]) else f"{now[name]:{form}}"

    return [
        ("Revenue", charts.brl(now["revenue"]), relative("revenue"), "normal"),
        ("Orders", known("orders", ",.0f"), relative("orders"), "normal"),
        ("Customers", known("customers", ",.0f"), relative("customers"), "normal"),
        ("Average order", charts.brl(now["avg_order_value"]), relative("avg_order_value"), "normal"),
        ("Delivery, days", known("avg_delivery_days", ".1f"), absolute("avg_delivery_days", "+.1f"), "inverse"),
        ("On time", known("on_time_rate", ".1%"), absolute("on_time_rate", "+.1f", 100, " points"), "normal"),
        ("Review score", known("avg_review_score", ".2f"), absolute("avg_review_score", "+.2f"), "normal"),
    ]


def days(chosen: Filters) -> None:
    """Revenue and orders by day with averages of 7 and 30 days, and growth of 30 days."""
    found = data.answer(
        f"""
        WITH sold AS (
            SELECT order_date, sum(order_total_value) AS revenue, count(*) AS orders FROM silver_orders_master
            WHERE {chosen.orders} GROUP BY order_date
        ),
        calendar AS (SELECT unnest(generate_series($first::DATE, $until::DATE, INTERVAL 1 DAY))::DATE AS order_date),
        filled AS (
            -- A day without an order sold nothing: that is known, not missing.
            SELECT order_date, coalesce(revenue, 0) AS revenue, coalesce(orders, 0) AS orders
            FROM calendar LEFT JOIN sold USING (order_date)
        ),
        averaged AS (
            SELECT *, avg(revenue) OVER week AS revenue_7d_avg, avg(revenue) OVER month AS revenue_30d_avg,
                avg(orders) OVER week AS orders_7d_avg, avg(orders) OVER month AS orders_30d_avg,
                sum(revenue) OVER month AS last_30
            FROM filled
            WINDOW week AS (ORDER BY order_date ROWS 6 PRECEDING), month AS (ORDER BY order_date ROWS 29 PRECEDING)
        ),
        grown AS (
            SELECT * EXCLUDE last_30,
                CASE WHEN order_date >= $first::DATE + 59 THEN last_30 / nullif(lag(last_30, 30) OVER d, 0) - 1 END
                    AS growth_on_30_days_before,
                CASE WHEN order_date >= $first::DATE + 394 THEN last_30 / nullif(lag(last_30, 365) OVER d, 0) - 1 END
                    AS growth_on_year_before
            FROM averaged WINDOW d AS (ORDER BY order_date)
        )
        FROM grown WHERE order_date >= $since ORDER BY order_date
        """,
        first=chosen.first,
        since=chosen.since,
        until=chosen.until,
        **chosen.params,
    )
    revenue, orders, growth = st.tabs(["Revenue", "Orders", "Growth"])
    with revenue:
        means = {"revenue_7d_avg": "7-day average", "revenue_30d_avg": "30-day average"}
        charts.drawn(charts.over_time(found, "revenue", means, "Revenue a day, R$", charts.MONEY))
    with orders:
        means = {"orders_7d_avg": "7-day average", "orders_30d_avg": "30-day average"}
        charts.drawn(charts.over_time(found, "orders", means, "Orders a day", charts.COUNT))
    with growth:
        rates = {"growth_on_30_days_before": "On the 30 days before", "growth_on_year_before": "On a year before"}
        charts.drawn(charts.lines(found, rates, "Growth of 30 days' revenue", charts.PERCENT).properties(height=300))
    charts.download(found, "days", "Averages and growth look back beyond the period, as far as the data reach.")


def categories(chosen: Filters) -> None:
    """The categories that sell most, by item price, with their review scores."""
    top = st.slider("Categories shown", 5, 30, 10, width=300)
    named = "AND product_category_name_english IN (SELECT unnest($categories))" if chosen.categories else ""
    found = data.answer(
        f"""
        WITH items AS (
            SELECT product_category_name_english AS category, order_id, any_value(avg_review_score) AS score,
                sum(price) AS revenue, count(*) AS units
            FROM silver_order_items JOIN silver_orders_master USING (order_id)
            WHERE order_date BETWEEN $since AND $until {named} AND {in_states(chosen.states)}
            GROUP BY category, order_id
        )
        SELECT category, sum(revenue) AS revenue, count(*) AS orders, sum(units)::BIGINT AS units,
            avg(score) AS avg_review_score
        FROM items GROUP BY category ORDER BY revenue DESC, category
        """,
        since=chosen.since,
        until=chosen.until,
        **chosen.params,
    )
    found["share"] = found["revenue"] / found["revenue"].sum()
    best = found.head(top).assign(name=lambda f: f["category"].map(category_name))
    tips = [
        alt.Tooltip("name:N", title="Category"),
        alt.Tooltip("revenue:Q", title="Revenue", format=charts.MONEY),
        alt.Tooltip("share:Q", title="Share", format=charts.PERCENT),
        alt.Tooltip("orders:Q", title="Orders", format=charts.COUNT),
        alt.Tooltip("units:Q", title="Units", format=charts.COUNT),
        alt.Tooltip("avg_review_score:Q", title="Review score", format=charts.SCORE),
    ]
    value = alt.X("revenue:Q", title="Item price, R$", axis=charts.amounts())
    told = "Item prices without freight, of delivered orders. Scores are of the orders with such an item."
    charts.shown(charts.ranked(best, "name", value, tips), found, "categories", told)


def delivery(chosen: Filters) -> None:
    """Review scores by how long before or after the promised date an order came."""
    found = data.answer(
        f"""
        SELECT
            CASE
                WHEN delivery_delay < -14 THEN '15+ days early'
                WHEN delivery_delay < -7 THEN '8 to 14 days early'
                WHEN delivery_delay < 0 THEN '1 to 7 days early'
                WHEN delivery_delay = 0 THEN 'On the day'
                WHEN delivery_delay <= 3 THEN '1 to 3 days late'
                WHEN delivery_delay <= 7 THEN '4 to 7 days late'
                ELSE '8+ days late'
            END AS delivery,
            count(*) AS orders, count(*) / sum(count(*)) OVER () AS share, count(avg_review_score) AS reviewed_orders,
            avg(avg_review_score) AS avg_review_score, avg((avg_review_score <= 2)::INT) AS bad_review_share
        FROM silver_orders_master
        WHERE delivery_delay IS NOT NULL AND order_date BETWEEN $since AND $until AND {chosen.orders}
        GROUP BY delivery ORDER BY min(delivery_delay)
        """,
        since=chosen.since,
        until=chosen.until,
        **chosen.params,
    )
    tips = [
        alt.Tooltip("delivery:N", title="Delivery"),
        alt.Tooltip("orders:Q", title="Orders", format=charts.COUNT),
        alt.Tooltip("share:Q", title="Share of orders", format=charts.PERCENT),
        alt.Tooltip("avg_review_score:Q", title="Review score", format=charts.SCORE),
        alt.Tooltip("bad_review_share:Q", title="Scores of 2 or less", format=charts.PERCENT),
    ]
    value = alt.X(
        "avg_review_score:Q",
        title="Mean review score, 1 to 5",
        scale=alt.Scale(domain=[0, 5]),
        axis=alt.Axis(tickCount=5),
    )
    told = "By days before or after the promised date. Orders without a review are left out of the scores."
    charts.shown(charts.ranked(found, "delivery", value, tips), found, "delivery", told)
