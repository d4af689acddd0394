"""The Business page's sections over delivered orders: figures, days, places, categories, delivery. All filters apply."""

import altair as alt
import pandas as pd
import streamlit as st

from olist_assets.dashboard import brazil, charts, data
from olist_assets.dashboard.filters import Filters, category_name

# What one delivered order counts for; each is asked of silver_orders_master, as queries/kpis.sql does.
MEASURES = """
    sum(order_total_value) AS revenue,
    count(*) AS orders,
    revenue / orders AS avg_order_value,
    avg(delivery_days) AS avg_delivery_days,
    avg((delivery_delay <= 0)::INT) AS on_time_rate,
    avg(avg_review_score) AS avg_review_score
"""
# Of a place's orders: what the map shows, its name and its format.
ON_THE_MAP = {
    "revenue": ("Revenue", charts.MONEY),
    "orders": ("Orders", charts.COUNT),
    "avg_order_value": ("Average order", charts.MONEY),
    "avg_delivery_days": ("Delivery days", charts.DAYS),
    "on_time_rate": ("On time", charts.PERCENT),
    "avg_review_score": ("Review score", charts.SCORE),
}


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
    ).set_index("is_recent")
    if True not in found.index:
        st.info("No delivered order fits these filters.", icon=":material/filter_alt_off:")
        return
    now = found.loc[True]
    before = found.loc[False] if chosen.has_before and False in found.index else None
    with st.container(horizontal=True, gap="small"):
        for label, value, change, colour in _cards(now, before):
            st.metric(label, value, change, delta_color=colour, border=True, width=180)
    span = f"{chosen.since:%d %b %Y} to {chosen.until:%d %b %Y}"
    if before is None:
        told = f"{span}. No change is shown: the data do not reach back over the whole period before."
    else:
        told = f"{span}, and the change against the {chosen.days} days before."
    st.caption(f"{told} Delivered orders; a missing review or delivery date counts for nothing, not for zero.")
    charts.download(found.reset_index().assign(is_recent=lambda f: f["is_recent"]), "figures")


def _cards(now: pd.Series, before: pd.Series | None) -> list[tuple[str, str, str | None, str]]:
    def relative(name: str) -> str | None:
        return None if before is None or not before[name] else f"{now[name] / before[name] - 1:+.1%}"

    def absolute(name: str, form: str, scale: float = 1) -> str | None:
        change = None if before is None else (now[name] - before[name]) * scale
        return None if change is None or pd.isna(change) else f"{change:{form}}"

    def known(name: str, form: str, unit: str = "") -> str:
        return "–" if pd.isna(now[name]) else f"{now[name]:{form}}{unit}"

    return [
        ("Revenue", charts.brl(now["revenue"]), relative("revenue"), "normal"),
        ("Orders", known("orders", ",.0f"), relative("orders"), "normal"),
        ("Customers", known("customers", ",.0f"), relative("customers"), "normal"),
        ("Average order", charts.brl(now["avg_order_value"]), relative("avg_order_value"), "normal"),
        ("Delivery", known("avg_delivery_days", ".1f", " days"), absolute("avg_delivery_days", "+.1f"), "inverse"),
        ("On time", known("on_time_rate", ".1%"), _points(absolute("on_time_rate", "+.1f", 100)), "normal"),
        ("Review score", known("avg_review_score", ".2f"), absolute("avg_review_score", "+.2f"), "normal"),
    ]


def _points(change: str | None) -> str | None:
    return None if change is None else f"{change} points"


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
        charts.shown(charts.over_time(found, "revenue", means, "Revenue a day, R$", charts.MONEY), found, "days")
    with orders:
        means = {"orders_7d_avg": "7-day average", "orders_30d_avg": "30-day average"}
        st.altair_chart(charts.over_time(found, "orders", means, "Orders a day", charts.COUNT), width="stretch")
    with growth:
        rates = {"growth_on_30_days_before": "On the 30 days before", "growth_on_year_before": "On a year before"}
        st.altair_chart(
            charts.lines(found, rates, "Growth of 30 days' revenue", charts.PERCENT).properties(height=300),
            width="stretch",
        )


def places(chosen: Filters) -> None:
    """States as tiles and cities as points, by a measure of the reader's choice."""
    measure = st.selectbox(
        "Measure", list(ON_THE_MAP), format_func=lambda name: ON_THE_MAP[name][0], width=200, key="map_measure"
    )
    sold = _places(chosen)
    tiles, points = st.columns(2)
    with tiles:
        states = sold[sold["city"].isna()].drop(columns="city").merge(brazil.tiles(), "right", "state")
        charts.shown(_tiles(states, measure), states.drop(columns=["column", "row"]), "states")
    with points, data.section():
        where = data.answer(
            "SELECT customer_state AS state, customer_city AS city, latitude, longitude FROM gold_geographic_metrics"
        )
        cities = sold.dropna(subset="city").merge(where, "left", ["state", "city"])
        charts.shown(_points_on_map(cities.dropna(subset=["latitude", measure]), measure), cities, "cities")
    st.caption("A city's area is its orders. Cities without a known place are in the CSV only.")


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


def _colour(measure: str) -> alt.Color:
    title, form = ON_THE_MAP[measure]
    scale = charts.SCORES if measure == "avg_review_score" else charts.AMOUNTS
    label = "~s" if form in (charts.MONEY, charts.COUNT) else form.replace(".1%", ".0%")
    legend = alt.Legend(orient="top", format=label, gradientLength=180, tickCount=4)
    return alt.Color(f"{measure}:Q", title=title, scale=scale, legend=legend)


def _tiles(states: pd.DataFrame, measure: str) -> alt.LayerChart:
    base = alt.Chart().encode(
        x=alt.X("column:O", axis=None),
        y=alt.Y("row:O", axis=None),
        tooltip=_tips(alt.Tooltip("state_name:N", title="State")),
    )
    squares = base.mark_rect(cornerRadius=4, stroke="white", strokeWidth=3).encode(color=_colour(measure))
    # Dark tiles carry white letters. A state without an order has none of either.
    middle = (states[measure].max() + states[measure].min()) / 2
    dark = alt.datum[measure] > (middle if measure != "avg_review_score" else 9)
    text = base.mark_text(fontSize=13, fontWeight="bold").encode(
        text="state:N", color=alt.condition(dark, alt.value("white"), alt.value("#1e293b"))
    )
    return alt.layer(squares, text, data=states).properties(height=420)


def _points_on_map(cities: pd.DataFrame, measure: str) -> alt.LayerChart:
    circles = (
        alt.Chart(cities)
        .mark_circle(opacity=0.8, stroke="white", strokeWidth=0.5)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size("orders:Q", scale=alt.Scale(range=[8, 900]), legend=None),
            color=_colour(measure),
            tooltip=_tips(alt.Tooltip("city:N", title="City"), alt.Tooltip("state:N", title="State")),
        )
    )
    return alt.layer(brazil.outline(), circles).project("mercator").properties(height=420)


def categories(chosen: Filters) -> None:
    """The categories that sell most, by item price, with their review scores."""
    top = st.slider("Categories shown", 5, 30, 10, width=300)
    named = "AND product_category_name_english IN (SELECT unnest($categories))" if chosen.categories else ""
    in_states = "AND customer_state IN (SELECT unnest($states))" if chosen.states else ""
    found = data.answer(
        f"""
        WITH items AS (
            SELECT product_category_name_english AS category, order_id, any_value(avg_review_score) AS score,
                sum(price) AS revenue, count(*) AS units
            FROM silver_order_items JOIN silver_orders_master USING (order_id)
            WHERE order_date BETWEEN $since AND $until {named} {in_states}
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
    value = alt.X("revenue:Q", title="Item price, R$", axis=alt.Axis(format="~s", tickCount=5))
    charts.shown(charts.ranked(best, "name", value, tips), found, "categories")
    st.caption("Item prices without freight, of delivered orders. Scores are of the orders with such an item.")


def delivery(chosen: Filters) -> None:
    """Review scores by how long before or after the promised date an order came."""
    found = data.answer(
        f"""
        SELECT
            CASE
                WHEN delivery_delay < -14 THEN '15+ days early'
                WHEN delivery_delay < -7 THEN '8–14 days early'
                WHEN delivery_delay < 0 THEN '1–7 days early'
                WHEN delivery_delay = 0 THEN 'On the day'
                WHEN delivery_delay <= 3 THEN '1–3 days late'
                WHEN delivery_delay <= 7 THEN '4–7 days late'
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
    value = alt.X("avg_review_score:Q", title="Mean review score, 1–5", scale=alt.Scale(domain=[0, 5]))
    charts.shown(charts.ranked(found, "delivery", value, tips), found, "delivery")
    st.caption("By days before or after the promised date. Orders without a review are left out of the scores.")
