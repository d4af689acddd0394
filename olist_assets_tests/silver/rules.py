"""The rules of every source file that silver cleans."""

from olist_assets.silver import (
    silver_customers,
    silver_geolocation,
    silver_order_items,
    silver_order_payments,
    silver_order_reviews,
    silver_orders,
    silver_products,
    silver_sellers,
)

RULES = {
    rules.subject: rules
    for rules in (
        silver_customers.RULES,
        silver_geolocation.RULES,
        silver_order_items.RULES,
        silver_order_payments.RULES,
        silver_order_reviews.RULES,
        silver_orders.RULES,
        silver_products.RULES,
        silver_products.TRANSLATION_RULES,
        silver_sellers.RULES,
    )
}
