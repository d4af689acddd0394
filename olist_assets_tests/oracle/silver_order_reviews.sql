-- One row per review; its text and score are those of its latest answer.
WITH orders_of_review AS (
    SELECT review_id, list_sort(list(DISTINCT order_id)) AS order_ids
    FROM bronze_order_reviews
    GROUP BY review_id
),
latest AS (
    SELECT *
    FROM bronze_order_reviews
    QUALIFY row_number() OVER (
        PARTITION BY review_id ORDER BY review_answer_timestamp::TIMESTAMP DESC NULLS LAST, order_id
    ) = 1
)
SELECT
    latest.review_id,
    orders_of_review.order_ids,
    latest.review_comment_title,
    latest.review_comment_message,
    latest.review_creation_date::TIMESTAMP AS review_creation_date,
    latest.review_answer_timestamp::TIMESTAMP AS review_answer_timestamp,
    latest.review_score::INTEGER AS review_score
FROM latest
JOIN orders_of_review ON orders_of_review.review_id = latest.review_id
