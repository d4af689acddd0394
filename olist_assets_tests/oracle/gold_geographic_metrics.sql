-- One row per state and city of any customer; orders and customers are those of delivered orders.
WITH places AS (
    SELECT DISTINCT customer_state, customer_city FROM silver_customers
),
sales AS (
    SELECT
        customer_state,
        customer_city,
        count(*) AS total_orders,
        count(DISTINCT customer_unique_id) AS unique_customers,
        sum(order_total_value) AS total_revenue,
        avg(delivery_days)::DOUBLE AS avg_delivery_days,
        avg(delivery_delay)::DOUBLE AS avg_delivery_delay,
        count(*) FILTER (WHERE delivery_delay <= 0) / nullif(count(delivery_delay), 0)::DOUBLE AS on_time_rate,
        avg(avg_review_score)::DOUBLE AS avg_review_score
    FROM silver_orders_master
    GROUP BY customer_state, customer_city
),
centres AS (
    SELECT
        customer_state,
        customer_city,
        quantile_cont(z.latitude, 0.5) AS latitude,
        quantile_cont(z.longitude, 0.5) AS longitude
    FROM (SELECT DISTINCT customer_state, customer_city, customer_zip_code_prefix AS zip FROM silver_customers) AS h
    JOIN silver_geolocation AS z ON z.zip_code_prefix = h.zip
    GROUP BY customer_state, customer_city
)
SELECT
    p.customer_state,
    p.customer_city,
    coalesce(s.total_orders, 0)::INTEGER AS total_orders,
    coalesce(s.unique_customers, 0)::INTEGER AS unique_customers,
    coalesce(s.total_revenue, 0)::DECIMAL(14, 2) AS total_revenue,
    money_ratio(s.total_revenue, s.total_orders)::DECIMAL(14, 2) AS avg_order_value,
    s.avg_delivery_days,
    s.avg_delivery_delay,
    s.on_time_rate,
    s.avg_review_score,
    c.latitude,
    c.longitude
FROM places AS p
LEFT JOIN sales AS s ON s.customer_state = p.customer_state AND s.customer_city = p.customer_city
LEFT JOIN centres AS c ON c.customer_state = p.customer_state AND c.customer_city = p.customer_city
