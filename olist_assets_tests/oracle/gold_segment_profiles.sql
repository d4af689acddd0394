-- One row per segment: by RFM, and by k-means as gold_customer_segments_ml assigns the customers.
WITH members AS (
    SELECT 'rfm' AS segment_kind, customer_segment AS segment, * EXCLUDE (customer_segment) FROM gold_customer_metrics
    UNION ALL
    SELECT 'kmeans' AS segment_kind, assigned.segment_label AS segment, metrics.* EXCLUDE (customer_segment)
    FROM gold_customer_metrics metrics
    JOIN gold_customer_segments_ml assigned USING (customer_unique_id)
)
SELECT
    segment_kind,
    segment,
    count(*)::INTEGER AS customers,
    count(*) / (sum(count(*)) OVER everyone)::DOUBLE AS customer_share,
    avg(recency_days)::DOUBLE AS avg_recency_days,
    avg(frequency)::DOUBLE AS avg_frequency,
    avg(monetary_value)::DOUBLE AS avg_monetary_value,
    avg(clv_12_months)::DOUBLE AS avg_clv_12_months,
    avg(avg_review_score)::DOUBLE AS avg_review_score,
    sum(monetary_value)::DECIMAL(14, 2) AS revenue,
    sum(monetary_value)::DOUBLE / nullif((sum(sum(monetary_value)) OVER everyone)::DOUBLE, 0) AS revenue_share
FROM members
GROUP BY segment_kind, segment
WINDOW everyone AS (PARTITION BY segment_kind)
