-- The ten categories with the highest revenue, and the share of all revenue that they have together.
-- One row per category (ties share a rank). Revenue is item price in BRL, of orders of any status; shares of 1.
SELECT
    revenue_rank,
    product_category_name_english AS category,
    total_revenue AS revenue,
    round(revenue_share, 4) AS revenue_share,
    round(sum(revenue_share) OVER (ORDER BY revenue_rank, category), 4) AS cumulative_share,
    total_orders AS orders,
    units_sold,
    avg_price,
    round(freight_share, 4) AS freight_per_price,
    round(avg_review_score, 2) AS avg_review_score
FROM gold_category_metrics
WHERE revenue_rank <= 10
ORDER BY revenue_rank, category;
