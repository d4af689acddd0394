-- One row an RFM segment (the k-means kind needs the model, so it has no oracle).
SELECT
    'rfm' AS segment_kind,
    customer_segment AS segment,
    count(*)::INTEGER AS customers,
    count(*) / (sum(count(*)) OVER ())::DOUBLE AS customer_share,
    avg(recency_days)::DOUBLE AS avg_recency_days,
    avg(frequency)::DOUBLE AS avg_frequency,
    avg(monetary_value)::DOUBLE AS avg_monetary_value,
    avg(clv_12_months)::DOUBLE AS avg_clv_12_months,
    avg(avg_review_score)::DOUBLE AS avg_review_score,
    sum(monetary_value)::DECIMAL(14, 2) AS revenue,
    sum(monetary_value)::DOUBLE / nullif((sum(sum(monetary_value)) OVER ())::DOUBLE, 0) AS revenue_share
FROM gold_customer_metrics
GROUP BY customer_segment
