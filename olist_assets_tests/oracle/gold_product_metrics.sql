-- One row per product, sold or not; orders of any status.
WITH order_scores AS (
    SELECT order_id, avg(review_score) AS score
    FROM (SELECT review_score, unnest(order_ids) AS order_id FROM silver_order_reviews)
    GROUP BY order_id
),
product_scores AS (
    SELECT product_id, avg(score) AS avg_review_score
    FROM (SELECT DISTINCT product_id, order_id FROM silver_order_items)
    JOIN order_scores USING (order_id)
    GROUP BY product_id
),
sales AS (
    SELECT
        i.product_id,
        min(o.order_date) AS first_sold_date,
        max(o.order_date) AS last_sold_date,
        count(DISTINCT i.order_id) AS total_orders,
        count(*) AS units_sold,
        sum(i.price) AS total_revenue,
        sum(i.freight_value) AS total_freight
    FROM silver_order_items AS i
    LEFT JOIN silver_purchases AS o ON o.order_id = i.order_id
    GROUP BY i.product_id
),
products AS (
    SELECT
        p.product_id,
        p.product_category_name_english,
        s.first_sold_date,
        s.last_sold_date,
        coalesce(s.total_orders, 0)::INTEGER AS total_orders,
        coalesce(s.units_sold, 0)::INTEGER AS units_sold,
        coalesce(s.total_revenue, 0)::DECIMAL(14, 2) AS total_revenue,
        coalesce(s.total_freight, 0)::DECIMAL(14, 2) AS total_freight
    FROM silver_products AS p
    LEFT JOIN sales AS s ON s.product_id = p.product_id
)
SELECT
    p.product_id,
    p.product_category_name_english,
    p.first_sold_date,
    p.last_sold_date,
    p.total_orders,
    p.units_sold,
    (rank() OVER (ORDER BY p.total_revenue DESC))::INTEGER AS revenue_rank,
    (rank() OVER (PARTITION BY p.product_category_name_english ORDER BY p.total_revenue DESC))::INTEGER
        AS category_revenue_rank,
    p.total_revenue,
    p.total_freight,
    money_ratio(p.total_revenue, p.units_sold)::DECIMAL(12, 2) AS avg_price,
    money_ratio(p.total_freight, p.units_sold)::DECIMAL(12, 2) AS avg_freight,
    r.avg_review_score::DOUBLE AS avg_review_score
FROM products AS p
LEFT JOIN product_scores AS r ON r.product_id = p.product_id
