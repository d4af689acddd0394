-- One row per calendar day from the first to the last purchase of any status; measures are those of delivered orders.
WITH span AS (
    SELECT
        min(order_purchase_timestamp::TIMESTAMP::DATE) AS first_day,
        max(order_purchase_timestamp::TIMESTAMP::DATE) AS last_day
    FROM bronze_orders
),
calendar AS (
    SELECT unnest(generate_series(first_day, last_day, INTERVAL 1 DAY))::DATE AS order_date FROM span
),
sales AS (
    SELECT
        order_date,
        count(*) AS orders_count,
        count(DISTINCT customer_unique_id) AS unique_customers,
        sum(items_count) AS items_sold,
        sum(order_total_value) AS revenue,
        avg(delivery_days)::DOUBLE AS avg_delivery_days,
        avg(avg_review_score)::DOUBLE AS avg_review_score
    FROM silver_orders_master
    GROUP BY order_date
),
days AS (
    SELECT
        c.order_date,
        row_number() OVER (ORDER BY c.order_date) AS day_number,
        coalesce(s.orders_count, 0)::INTEGER AS orders_count,
        coalesce(s.unique_customers, 0)::INTEGER AS unique_customers,
        coalesce(s.items_sold, 0)::INTEGER AS items_sold,
        coalesce(s.revenue, 0)::DECIMAL(14, 2) AS revenue,
        s.avg_delivery_days,
        s.avg_review_score
    FROM calendar AS c
    LEFT JOIN sales AS s ON s.order_date = c.order_date
),
running AS (
    SELECT
        *,
        sum(orders_count) OVER last_7 AS orders_7d,
        sum(revenue) OVER last_7 AS revenue_7d,
        sum(orders_count) OVER last_30 AS orders_30d,
        sum(revenue) OVER last_30 AS revenue_30d,
        sum(revenue) OVER before_30 AS revenue_before,
        sum(revenue) OVER year_ago_30 AS revenue_year_ago
    FROM days
    WINDOW
        last_7 AS (ORDER BY order_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW),
        last_30 AS (ORDER BY order_date ROWS BETWEEN 29 PRECEDING AND CURRENT ROW),
        before_30 AS (ORDER BY order_date ROWS BETWEEN 59 PRECEDING AND 30 PRECEDING),
        year_ago_30 AS (ORDER BY order_date ROWS BETWEEN 394 PRECEDING AND 365 PRECEDING)
)
SELECT
    order_date,
    orders_count,
    unique_customers,
    items_sold,
    revenue,
    money_ratio(revenue, orders_count)::DECIMAL(14, 2) AS avg_order_value,
    avg_delivery_days,
    avg_review_score,
    orders_7d::DOUBLE / least(day_number, 7) AS orders_7d_avg,
    revenue_7d::DOUBLE / least(day_number, 7) AS revenue_7d_avg,
    orders_30d::DOUBLE / least(day_number, 30) AS orders_30d_avg,
    revenue_30d::DOUBLE / least(day_number, 30) AS revenue_30d_avg,
    CASE WHEN day_number >= 60 THEN revenue_30d::DOUBLE / nullif(revenue_before, 0)::DOUBLE - 1 END AS revenue_mom_growth,
    CASE WHEN day_number >= 395 THEN revenue_30d::DOUBLE / nullif(revenue_year_ago, 0)::DOUBLE - 1 END
        AS revenue_yoy_growth
FROM running
