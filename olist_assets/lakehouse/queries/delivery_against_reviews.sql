-- Review scores by how long before or after the promised date an order arrived.
-- One row per span of days, of orders with a delivery date. Delivery in days, scores 1-5 (bad: 2 or less), shares of 1.
SELECT
    CASE
        WHEN delivery_delay < -14 THEN '15 or more days early'
        WHEN delivery_delay < -7 THEN '8 to 14 days early'
        WHEN delivery_delay < 0 THEN '1 to 7 days early'
        WHEN delivery_delay = 0 THEN 'on the day'
        WHEN delivery_delay <= 3 THEN '1 to 3 days late'
        WHEN delivery_delay <= 7 THEN '4 to 7 days late'
        ELSE '8 or more days late'
    END AS delivery,
    count(*) AS orders,
    round(orders / sum(orders) OVER (), 4) AS order_share,
    round(avg(delivery_days), 2) AS avg_delivery_days,
    count(avg_review_score) AS reviewed_orders,
    round(avg(avg_review_score), 2) AS avg_review_score,
    round(avg((avg_review_score <= 2)::INT), 4) AS bad_review_share
FROM silver_orders_master
WHERE delivery_delay IS NOT NULL
GROUP BY delivery
ORDER BY min(delivery_delay);
