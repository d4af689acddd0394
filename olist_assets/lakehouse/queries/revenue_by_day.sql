-- Orders and revenue over time: averages of 7 and 30 days; growth of 30 days over the 30 before and over a year ago.
-- One row per calendar day, up to the last with a delivered order. Revenue in BRL; growth is relative: 0.05 is 5 % more.
SELECT
    order_date,
    orders_count,
    revenue,
    round(orders_7d_avg, 2) AS orders_7d_avg,
    round(revenue_7d_avg, 2) AS revenue_7d_avg,
    round(revenue_30d_avg, 2) AS revenue_30d_avg,
    round(revenue_mom_growth, 4) AS revenue_mom_growth,
    round(revenue_yoy_growth, 4) AS revenue_yoy_growth
FROM gold_daily_metrics
WHERE order_date <= (SELECT max(order_date) FROM gold_daily_metrics WHERE orders_count > 0)
ORDER BY order_date;
