-- One row per state and city of any customer; orders and customers are those of delivered orders.
WITH places AS (
    SELECT DISTINCT customer_state, customer_city FROM bronze_customers
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
points AS (
    SELECT
        geolocation_zip_code_prefix AS zip,
        geolocation_lat::DOUBLE AS lat,
        geolocation_lng::DOUBLE AS lng
    FROM bronze_geolocation
),
zips AS (
    SELECT zip, quantile_cont(lat, 0.5) AS lat, quantile_cont(lng, 0.5) AS lng
    FROM points
    WHERE lat BETWEEN -33.75::DOUBLE AND 5.28::DOUBLE AND lng BETWEEN -73.99::DOUBLE AND -34.79::DOUBLE
    GROUP BY zip
),
centres AS (
    SELECT
        customer_state,
        customer_city,
        quantile_cont(zips.lat, 0.5) AS latitude,
        quantile_cont(zips.lng, 0.5) AS longitude
    FROM (SELECT DISTINCT customer_state, customer_city, customer_zip_code_prefix AS zip FROM bronze_customers)
    JOIN zips USING (zip)
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
