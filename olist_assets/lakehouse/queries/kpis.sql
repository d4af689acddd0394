-- The last 90 days compared with the 90 days before; the last day is the last one with a delivered order.
-- One row per metric. Money in BRL, scores 1-5, on_time_rate a share of 1; change is relative: 0.05 is 5 % more.
WITH days AS (
    SELECT order_date, order_date > last_day - 90 AS is_recent
    FROM gold_daily_metrics, (SELECT max(order_date) AS last_day FROM gold_daily_metrics WHERE orders_count > 0)
    WHERE order_date > last_day - 180 AND order_date <= last_day
),
periods AS (
    SELECT
        is_recent,
        sum(order_total_value) AS revenue,
        count(*) AS orders,
        count(DISTINCT customer_unique_id) AS customers,
        revenue / orders AS avg_order_value,
        avg(avg_review_score) AS avg_review_score,
        avg((delivery_delay <= 0)::INT) AS on_time_rate
    FROM silver_orders_master JOIN days USING (order_date)
    GROUP BY is_recent
),
metrics AS (
    SELECT is_recent, kpi, value
    FROM (SELECT is_recent, COLUMNS(* EXCLUDE is_recent)::DECIMAL(18, 4) FROM periods)
    UNPIVOT INCLUDE NULLS (value FOR kpi IN (COLUMNS(* EXCLUDE is_recent)))
)
SELECT
    kpi,
    max(value) FILTER (is_recent) AS last_90_days,
    max(value) FILTER (NOT is_recent) AS previous_90_days,
    round(last_90_days / previous_90_days - 1, 4) AS change
FROM metrics
GROUP BY kpi
ORDER BY list_position(['revenue', 'orders', 'customers', 'avg_order_value', 'avg_review_score', 'on_time_rate'], kpi);
