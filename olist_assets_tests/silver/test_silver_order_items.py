"""silver_order_items: categories, joins that keep every item, and exact amounts."""

from decimal import Decimal

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_order_items import silver_order_items
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets_tests.rows import frame, only

AUDIO = {"product_id": "p", "product_category_name": "audio", "product_category_name_english": "sound"}


def test_an_item_has_the_category_of_its_product(spark):
    items = frame(spark, BRONZE["order_items"], {"product_id": "p"})
    row = only(silver_order_items(items, frame(spark, SILVER_PRODUCTS, AUDIO)))
    assert (row.product_category_name, row.product_category_name_english) == ("audio", "sound")


def test_an_item_of_an_unknown_product_keeps_its_row(spark):
    items = frame(spark, BRONZE["order_items"], {"product_id": "gone"})
    row = only(silver_order_items(items, frame(spark, SILVER_PRODUCTS, AUDIO)))
    assert (row.product_category_name, row.product_category_name_english) == (None, "unknown")


def test_amounts_are_exact_decimals(spark):
    items = frame(spark, BRONZE["order_items"], {"price": "0.1", "freight_value": "58.9"})
    row = only(silver_order_items(items, frame(spark, SILVER_PRODUCTS)))
    assert (row.price, row.freight_value) == (Decimal("0.10"), Decimal("58.90"))
