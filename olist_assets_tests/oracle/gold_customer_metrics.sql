-- One row per customer, with or without a delivered order.
WITH customers AS (
    SELECT c.customer_unique_id, c.customer_city, c.customer_state
    FROM silver_customers AS c
    LEFT JOIN silver_purchases AS o ON o.customer_id = c.customer_id
    QUALIFY row_number() OVER (
        PARTITION BY c.customer_unique_id
        ORDER BY o.order_purchase_timestamp DESC NULLS LAST, o.order_id DESC NULLS LAST
    ) = 1
),
reference AS (
    SELECT max(order_date) AS reference_date FROM silver_orders_master
),
totals AS (
    SELECT
        customer_unique_id,
        min(order_date) AS first_order_date,
        max(order_date) AS last_order_date,
        count(*)::INTEGER AS frequency,
        sum(items_count)::INTEGER AS total_items_purchased,
        sum(order_total_value)::DECIMAL(14, 2) AS monetary_value,
        avg(delivery_days)::DOUBLE AS avg_delivery_days,
        avg(delivery_delay)::DOUBLE AS avg_delivery_delay,
        avg(avg_review_score)::DOUBLE AS avg_review_score
    FROM silver_orders_master
    GROUP BY customer_unique_id
),
measures AS (
    SELECT
        totals.*,
        (reference_date - last_order_date)::INTEGER AS recency_days,
        (last_order_date - first_order_date)::INTEGER AS customer_lifetime_days,
        (reference_date - first_order_date)::INTEGER AS tenure_days
    FROM totals
    CROSS JOIN reference
),
boundaries AS (
    SELECT
        quantile_cont(recency_days::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS recency,
        quantile_cont(frequency::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS frequency,
        quantile_cont(monetary_value::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS monetary
    FROM measures
),
scores AS (
    SELECT
        m.customer_unique_id,
        5 - len(list_filter(b.recency, lambda boundary: boundary < m.recency_days::DOUBLE)) AS r,
        1 + len(list_filter(b.frequency, lambda boundary: boundary < m.frequency::DOUBLE)) AS f,
        1 + len(list_filter(b.monetary, lambda boundary: boundary < m.monetary_value::DOUBLE)) AS m
    FROM measures AS m
    CROSS JOIN boundaries AS b
),
segments AS (
    SELECT
        customer_unique_id,
        CASE
            WHEN r <= 2 AND f + m <= 4 THEN 'Lost'
            WHEN r <= 2 AND f + m <= 8 THEN 'At Risk'
            WHEN r <= 2 THEN 'Can''t Lose Them'
            WHEN r = 3 AND f + m <= 4 THEN 'About To Sleep'
            WHEN r = 3 AND f + m <= 6 THEN 'Needs Attention'
            WHEN r = 5 AND f + m >= 7 THEN 'Champions'
            WHEN f + m >= 7 THEN 'Loyal Customers'
            WHEN f + m >= 3 THEN 'Potential Loyalists'
            WHEN r = 5 THEN 'New Customers'
            ELSE 'Promising'
        END AS customer_segment -- by f + m, as ceil((f + m) / 2) <= n means f + m <= 2n
    FROM scores
)
SELECT
    c.customer_unique_id,
    c.customer_city,
    c.customer_state,
    coalesce(g.customer_segment, 'No Delivered Orders') AS customer_segment,
    m.first_order_date,
    m.last_order_date,
    m.recency_days,
    coalesce(m.frequency, 0)::INTEGER AS frequency,
    m.customer_lifetime_days,
    m.tenure_days,
    coalesce(m.total_items_purchased, 0)::INTEGER AS total_items_purchased,
    coalesce(m.monetary_value, 0)::DECIMAL(14, 2) AS monetary_value,
    money_ratio(m.monetary_value, m.frequency)::DECIMAL(14, 2) AS avg_order_value,
    money_ratio(m.monetary_value * 365, greatest(m.tenure_days, 365))::DECIMAL(14, 2) AS clv_12_months,
    m.avg_delivery_days,
    m.avg_delivery_delay,
    m.avg_review_score,
    s.r::INTEGER AS recency_score,
    s.f::INTEGER AS frequency_score,
    s.m::INTEGER AS monetary_score,
    (s.r + s.f + s.m)::INTEGER AS rfm_score
FROM customers AS c
LEFT JOIN measures AS m ON m.customer_unique_id = c.customer_unique_id
LEFT JOIN scores AS s ON s.customer_unique_id = c.customer_unique_id
LEFT JOIN segments AS g ON g.customer_unique_id = c.customer_unique_id
