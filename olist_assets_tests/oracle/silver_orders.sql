-- One row per delivered order.
SELECT
    order_id,
    customer_id,
    order_status,
    order_purchase_timestamp::TIMESTAMP AS order_purchase_timestamp,
    order_approved_at::TIMESTAMP AS order_approved_at,
    order_delivered_carrier_date::TIMESTAMP AS order_delivered_carrier_date,
    order_delivered_customer_date::TIMESTAMP AS order_delivered_customer_date,
    order_estimated_delivery_date::TIMESTAMP AS order_estimated_delivery_date,
    order_purchase_timestamp::TIMESTAMP::DATE AS order_date,
    (order_delivered_customer_date::TIMESTAMP::DATE - order_purchase_timestamp::TIMESTAMP::DATE)::INTEGER AS delivery_days,
    (order_delivered_customer_date::TIMESTAMP::DATE - order_estimated_delivery_date::TIMESTAMP::DATE)::INTEGER
        AS delivery_delay
FROM bronze_orders
WHERE order_status = 'delivered'
