"""The queries of the Business page: one function per section."""

import pandas as pd

from olist_assets.dashboard.business.filters import Filters, in_states, state_params
from olist_assets.dashboard.data import answer

# Measures of delivered orders, as queries/kpis.sql defines them; columns of silver_orders_master.
MEASURES = """
    sum(order_total_value) AS revenue,
    count(*) AS orders,
    revenue / orders AS avg_order_value,
    avg(delivery_days) AS avg_delivery_days,
    avg((delivery_delay <= 0)::INT) AS on_time_rate,
    avg(avg_review_score) AS avg_review_score
"""


def kpis(chosen: Filters) -> pd.DataFrame:
    """MEASURES and `customers` of the chosen period (`is_recent`) and of the previous one."""
    return answer(
        f"SELECT order_date >= $since AS is_recent, {MEASURES}, "
        "count(DISTINCT customer_unique_id) AS customers FROM silver_orders_master "
        f"WHERE order_date BETWEEN $previous_since AND $until AND {chosen.orders} GROUP BY is_recent",
        since=chosen.since,
        previous_since=chosen.previous_since,
        until=chosen.until,
        **chosen.params,
    )


def days(chosen: Filters) -> pd.DataFrame:
    """Revenue and orders per day, their 7-day and 30-day averages, and the growth of 30-day revenue."""
    return answer(
        f"""
        WITH sold AS (
            SELECT order_date, sum(order_total_value) AS revenue, count(*) AS orders FROM silver_orders_master
            WHERE {chosen.orders} GROUP BY order_date
        ),
        calendar AS (SELECT unnest(generate_series($first::DATE, $until::DATE, INTERVAL 1 DAY))::DATE AS order_date),
        filled AS (
            -- A day without orders is known to have no revenue: it is not missing.
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
                    AS growth_on_previous_30_days,
                CASE WHEN order_date >= $first::DATE + 394 THEN last_30 / nullif(lag(last_30, 365) OVER d, 0) - 1 END
                    AS growth_on_previous_year
            FROM averaged WINDOW d AS (ORDER BY order_date)
        )
        FROM grown WHERE order_date >= $since ORDER BY order_date
        """,
        first=chosen.first,
        since=chosen.since,
        until=chosen.until,
        **chosen.params,
    )


def categories(chosen: Filters) -> pd.DataFrame:
    """Item prices, orders, units and review scores per category, the largest first."""
    in_categories = "product_category_name_english IN (SELECT unnest($categories))" if chosen.categories else "true"
    found = answer(
        f"""
        WITH items AS (
            SELECT product_category_name_english AS category, order_id, any_value(avg_review_score) AS score,
                sum(price) AS revenue, count(*) AS units
            FROM silver_order_items JOIN silver_orders_master USING (order_id)
            WHERE order_date BETWEEN $since AND $until AND {in_categories} AND {in_states(chosen.states)}
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
    return found.assign(share=found["revenue"] / found["revenue"].sum())


def delivery(chosen: Filters) -> pd.DataFrame:
    """Orders and review scores by days between the promised and the actual delivery, the earliest first."""
    return answer(
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


def sales(chosen: Filters) -> pd.DataFrame:
    """MEASURES of each state, whose `city` is null, and of each of its cities."""
    return answer(
        f"SELECT customer_state AS state, customer_city AS city, {MEASURES} FROM silver_orders_master "
        f"WHERE order_date BETWEEN $since AND $until AND {chosen.orders} "
        "GROUP BY GROUPING SETS ((state), (state, city)) ORDER BY revenue DESC",
        since=chosen.since,
        until=chosen.until,
        **chosen.params,
    )


def coordinates() -> pd.DataFrame:
    """`latitude` and `longitude` of each city."""
    return answer(
        "SELECT customer_state AS state, customer_city AS city, latitude, longitude FROM gold_geographic_metrics"
    )


def segments(states: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers and revenue per RFM segment; and per cell of the grid that defines the segments."""
    found = answer(
        f"""
        SELECT customer_segment AS segment, recency_score,
            ceil((frequency_score + monetary_score) / 2)::INT AS fm_score, count(*) AS customers,
            sum(monetary_value) AS revenue, avg(monetary_value) AS avg_value, avg(recency_days) AS avg_recency_days,
            avg(avg_review_score) AS avg_review_score, grouping(recency_score) = 1 AS is_segment
        FROM gold_customer_metrics WHERE {in_states(states)}
        GROUP BY GROUPING SETS ((segment), (segment, recency_score, fm_score))
        ORDER BY revenue DESC, segment
        """,
        **state_params(states),
    )
    whole = found.loc[found["is_segment"]].drop(columns=["recency_score", "fm_score", "is_segment"])
    # Customers without a delivered order have no scores.
    grid = found.loc[~found["is_segment"] & found["recency_score"].notna()].drop(columns="is_segment")
    return whole.assign(customer_share=whole["customers"] / whole["customers"].sum()), grid


def churn(states: tuple[str, ...]) -> pd.DataFrame:
    """Customers, their lifetime value and their probabilities per churn risk, the lowest risk first."""
    return answer(
        f"""
        SELECT churn_risk_category AS risk, count(*) AS customers, sum(clv_12_months) AS clv_12_months,
            avg(is_churned) AS churned_share, avg(churn_probability) AS avg_churn_probability,
            avg(no_repurchase_probability) AS avg_no_repurchase_probability, avg(recency_days) AS avg_recency_days
        FROM gold_customer_churn_predictions JOIN gold_customer_metrics USING (customer_unique_id)
        WHERE {in_states(states)} GROUP BY risk ORDER BY min(churn_percentile)
        """,
        **state_params(states),
    )
