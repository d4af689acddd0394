-- One row per delivered order, with its customer, payments, items and reviews.
WITH items AS (
    SELECT
        order_id,
        sum(price)::DECIMAL(12, 2) AS total_items_price,
        sum(freight_value)::DECIMAL(12, 2) AS total_freight_value,
        count(*) AS items_count,
        count(DISTINCT product_id) AS unique_products_count,
        count(DISTINCT seller_id) AS sellers_count
    FROM silver_order_items
    GROUP BY order_id
),
order_reviews AS (
    SELECT review_id, review_score, unnest(order_ids) AS order_id FROM silver_order_reviews
),
reviews AS (
    SELECT order_id, count(DISTINCT review_id) AS review_count, avg(review_score) AS avg_review_score
    FROM order_reviews
    GROUP BY order_id
)
SELECT
    o.*,
    c.customer_unique_id,
    c.customer_zip_code_prefix,
    c.customer_city,
    c.customer_state,
    p.primary_payment_type,
    p.total_payment_value,
    i.total_items_price,
    i.total_freight_value,
    coalesce(p.payment_count, 0)::INTEGER AS payment_count,
    p.max_installments,
    coalesce(i.items_count, 0)::INTEGER AS items_count,
    coalesce(i.unique_products_count, 0)::INTEGER AS unique_products_count,
    coalesce(i.sellers_count, 0)::INTEGER AS sellers_count,
    coalesce(r.review_count, 0)::INTEGER AS review_count,
    r.avg_review_score::DOUBLE AS avg_review_score,
    coalesce(p.total_payment_value, i.total_items_price + i.total_freight_value, 0)::DECIMAL(12, 2) AS order_total_value
FROM silver_orders AS o
LEFT JOIN silver_customers AS c ON c.customer_id = o.customer_id
LEFT JOIN silver_order_payments AS p ON p.order_id = o.order_id
LEFT JOIN items AS i ON i.order_id = o.order_id
LEFT JOIN reviews AS r ON r.order_id = o.order_id
