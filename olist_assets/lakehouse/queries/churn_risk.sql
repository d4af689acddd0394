-- Revenue at stake by churn risk: customers, their value so far and per year, and the forecasts of both models.
-- One row per risk category. Money in BRL, recency in days, shares of 1; churned: more than 90 days without an order.
SELECT
    churn_risk_category AS risk,
    count(*) AS customers,
    round(avg(is_churned), 4) AS churned_share,
    round(avg(churn_probability), 4) AS avg_churn_probability,
    round(avg(no_repurchase_probability), 4) AS avg_no_repurchase_probability,
    sum(monetary_value) AS revenue,
    sum(clv_12_months) AS clv_12_months,
    round(avg(recency_days), 1) AS avg_recency_days
FROM gold_customer_churn_predictions JOIN gold_customer_metrics USING (customer_unique_id)
GROUP BY risk
ORDER BY min(churn_percentile);
