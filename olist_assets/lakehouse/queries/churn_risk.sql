-- What is at stake by churn risk: customers, their value so far and of a year, and what both models expect of them.
-- One row a risk category. Money in BRL, recency in days, shares of 1; churned: over 90 days without an order.
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
