"""silver_purchases: orders of any status."""

from datetime import date

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_purchases import silver_purchases
from olist_assets_tests.rows import frame


def test_orders_of_any_status_are_kept_with_their_day(spark):
    orders = frame(spark, BRONZE["orders"], {"order_id": "a"}, {"order_id": "b", "order_status": "canceled"})
    rows = silver_purchases(orders, frame(spark, SILVER_CUSTOMERS, {"customer_id": "x"})).collect()
    assert {row.order_id: (row.order_status, row.order_date) for row in rows} == {
        "a": ("delivered", date(2018, 1, 1)),
        "b": ("canceled", date(2018, 1, 1)),
    }
