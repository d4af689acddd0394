-- One row per item of an order, of any status.
SELECT
    i.order_id,
    i.order_item_id::INTEGER AS order_item_id,
    i.product_id,
    i.seller_id,
    p.product_category_name,
    coalesce(p.product_category_name_english, 'unknown') AS product_category_name_english,
    i.shipping_limit_date::TIMESTAMP AS shipping_limit_date,
    i.price::DECIMAL(10, 2) AS price,
    i.freight_value::DECIMAL(10, 2) AS freight_value
FROM bronze_order_items AS i
LEFT JOIN silver_products AS p ON p.product_id = i.product_id
