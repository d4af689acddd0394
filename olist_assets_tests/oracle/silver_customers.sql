-- One row per customer_id. The files that the oracle reads have nothing to reject.
SELECT
    customer_id,
    customer_unique_id,
    lpad(customer_zip_code_prefix, 5, '0') AS customer_zip_code_prefix,
    customer_city,
    customer_state
FROM bronze_customers
