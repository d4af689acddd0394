-- One row per seller.
SELECT
    seller_id,
    lpad(seller_zip_code_prefix, 5, '0') AS seller_zip_code_prefix,
    seller_city,
    seller_state
FROM bronze_sellers
