-- Customers by RFM segment (all of them) and by k-means segment (those with a delivered order).
-- One row per kind and segment. Money in BRL, recency in days, scores 1-5; shares are of the customers of the kind.
SELECT
    segment_kind,
    segment,
    customers,
    round(customer_share, 4) AS customer_share,
    revenue,
    round(revenue_share, 4) AS revenue_share,
    round(avg_recency_days, 1) AS avg_recency_days,
    round(avg_frequency, 2) AS avg_frequency,
    round(avg_monetary_value, 2) AS avg_monetary_value,
    round(avg_clv_12_months, 2) AS avg_clv_12_months,
    round(avg_review_score, 2) AS avg_review_score
FROM gold_segment_profiles
ORDER BY segment_kind, revenue DESC, segment;
