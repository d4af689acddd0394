-- One row per product, sold or not.
SELECT
    p.product_id,
    p.product_category_name,
    coalesce(t.product_category_name_english, p.product_category_name, 'unknown') AS product_category_name_english,
    p.product_name_lenght::INTEGER AS product_name_length,
    p.product_description_lenght::INTEGER AS product_description_length,
    p.product_photos_qty::INTEGER AS product_photos_qty,
    p.product_weight_g::INTEGER AS product_weight_g,
    p.product_length_cm::INTEGER AS product_length_cm,
    p.product_height_cm::INTEGER AS product_height_cm,
    p.product_width_cm::INTEGER AS product_width_cm
FROM bronze_products AS p
LEFT JOIN bronze_product_category_translation AS t ON t.product_category_name = p.product_category_name
