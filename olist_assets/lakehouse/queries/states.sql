-- Delivered orders, revenue, delivery and reviews by state. Averages are over a state's orders, not over its cities.
-- One row per state of the customer. Money in BRL, delivery in days, scores 1-5, rates and shares of 1.
SELECT
    customer_state AS state,
    count(*) AS orders,
    sum(order_total_value) AS revenue,
    round(revenue / sum(revenue) OVER (), 4) AS revenue_share,
    (revenue / orders)::DECIMAL(14, 2) AS avg_order_value,
    round(avg(delivery_days), 2) AS avg_delivery_days,
    round(avg((delivery_delay <= 0)::INT), 4) AS on_time_rate,
    round(avg(avg_review_score), 2) AS avg_review_score
FROM silver_orders_master
GROUP BY state
ORDER BY revenue DESC, state;
