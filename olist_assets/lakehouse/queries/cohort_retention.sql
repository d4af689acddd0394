-- Do customers come back? The share of a month's new customers (by first delivered order) that bought n months later.
-- One row per (month of the first order, calendar months since), up to the last month of the data; share of 1, or 0.
WITH cohorts AS (
    SELECT date_trunc('month', first_order_date)::DATE AS cohort_month, count(*) AS customers
    FROM gold_customer_metrics
    WHERE frequency > 0
    GROUP BY cohort_month
),
-- Customers with one order bought in their first month only: the orders of the few others suffice.
returned AS (
    SELECT customer_unique_id, first_order_date, last_order_date FROM gold_customer_metrics WHERE frequency > 1
),
bought AS (
    SELECT
        date_trunc('month', first_order_date)::DATE AS cohort_month,
        datediff('month', first_order_date, order_date) AS months_since,
        count(DISTINCT customer_unique_id) AS customers
    FROM silver_orders_master JOIN returned USING (customer_unique_id)
    WHERE order_date <= last_order_date
    GROUP BY ALL
)
SELECT
    cohort_month,
    months_since,
    cohorts.customers AS cohort_customers,
    CASE months_since WHEN 0 THEN cohort_customers ELSE coalesce(bought.customers, 0) END AS active_customers,
    round(active_customers / cohort_customers, 4) AS retention
FROM cohorts
CROSS JOIN (SELECT max(last_order_date) AS last_day FROM gold_customer_metrics)
CROSS JOIN LATERAL (SELECT unnest(range(datediff('month', cohort_month, last_day) + 1)) AS months_since)
LEFT JOIN bought USING (cohort_month, months_since)
ORDER BY cohort_month, months_since;
