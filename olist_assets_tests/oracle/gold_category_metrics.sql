-- One row per category of the catalogue or of a sold item; orders of any status.
WITH order_scores AS (
    SELECT order_id, avg(review_score) AS score
    FROM (SELECT review_score, unnest(order_ids) AS order_id FROM silver_order_reviews)
    GROUP BY order_id
),
category_scores AS (
    SELECT category, avg(score) AS avg_review_score
    FROM (SELECT DISTINCT product_category_name_english AS category, order_id FROM silver_order_items)
    JOIN order_scores USING (order_id)
    GROUP BY category
),
catalogue AS (
    SELECT product_category_name_english AS category, count(*) AS products_count FROM silver_products GROUP BY category
),
sales AS (
    SELECT
        product_category_name_english AS category,
        count(DISTINCT order_id) AS total_orders,
        count(*) AS units_sold,
        count(DISTINCT seller_id) AS sellers_count,
        sum(price) AS total_revenue,
        sum(freight_value) AS total_freight
    FROM silver_order_items
    GROUP BY category
),
categories AS (
    SELECT
        category,
        coalesce(s.total_orders, 0)::INTEGER AS total_orders,
        coalesce(s.units_sold, 0)::INTEGER AS units_sold,
        coalesce(c.products_count, 0)::INTEGER AS products_count,
        coalesce(s.sellers_count, 0)::INTEGER AS sellers_count,
        coalesce(s.total_revenue, 0)::DECIMAL(14, 2) AS total_revenue,
        coalesce(s.total_freight, 0)::DECIMAL(14, 2) AS total_freight
    FROM catalogue AS c
    FULL JOIN sales AS s USING (category)
)
SELECT
    c.category AS product_category_name_english,
    c.total_orders,
    c.units_sold,
    c.products_count,
    c.sellers_count,
    (rank() OVER (ORDER BY c.total_revenue DESC))::INTEGER AS revenue_rank,
    c.total_revenue,
    c.total_freight,
    money_ratio(c.total_revenue, c.units_sold)::DECIMAL(12, 2) AS avg_price,
    money_ratio(c.total_freight, c.units_sold)::DECIMAL(12, 2) AS avg_freight,
    c.total_revenue::DOUBLE / nullif((sum(c.total_revenue) OVER ())::DOUBLE, 0) AS revenue_share,
    c.total_freight::DOUBLE / nullif(c.total_revenue::DOUBLE, 0) AS freight_share,
    r.avg_review_score::DOUBLE AS avg_review_score
FROM categories AS c
LEFT JOIN category_scores AS r ON r.category = c.category
