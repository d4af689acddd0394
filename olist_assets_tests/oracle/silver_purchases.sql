-- One row per order of any status.
SELECT
    order_id,
    customer_id,
    order_status,
    order_purchase_timestamp::TIMESTAMP AS order_purchase_timestamp,
    order_purchase_timestamp::TIMESTAMP::DATE AS order_date
FROM bronze_orders
