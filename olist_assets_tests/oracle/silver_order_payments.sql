-- One row per order with a payment.
WITH payments AS (
    SELECT
        order_id,
        payment_type,
        payment_installments::INTEGER AS payment_installments,
        payment_value::DECIMAL(12, 2) AS payment_value
    FROM bronze_order_payments
)
SELECT
    order_id,
    list_sort(list(DISTINCT payment_type)) AS payment_types,
    first(payment_type ORDER BY payment_value DESC, payment_type) AS primary_payment_type,
    count(*)::INTEGER AS payment_count,
    max(payment_installments)::INTEGER AS max_installments,
    sum(payment_value)::DECIMAL(12, 2) AS total_payment_value
FROM payments
GROUP BY order_id
