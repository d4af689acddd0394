"""silver_orders_master: no join drops or repeats an order, and what is missing is zero or null."""

from decimal import Decimal

from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_order_payments import SILVER_ORDER_PAYMENTS
from olist_assets.silver.silver_order_reviews import SILVER_ORDER_REVIEWS
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets.silver.silver_orders_master import silver_orders_master
from olist_assets_tests.rows import frame, only


def master(spark, *, payments=(), items=(), reviews=()):
    return silver_orders_master(
        frame(spark, SILVER_ORDERS, {"order_id": "a", "customer_id": "c"}),
        frame(spark, SILVER_CUSTOMERS, {"customer_id": "c"}),
        frame(spark, SILVER_ORDER_PAYMENTS, *payments),
        frame(spark, SILVER_ORDER_ITEMS, *items),
        frame(spark, SILVER_ORDER_REVIEWS, *reviews),
    )


def test_an_order_without_anything_has_zero_counts_and_null_measures(spark):
    row = only(master(spark))
    assert (row.payment_count, row.items_count, row.sellers_count, row.review_count) == (0, 0, 0, 0)
    assert row.avg_review_score is None
    assert row.total_payment_value is None
    assert row.order_total_value == Decimal("0.00")


def test_no_join_repeats_an_order(spark):
    item = {"order_id": "a", "price": Decimal("10.00"), "freight_value": Decimal("1.50")}
    row = only(
        master(
            spark,
            items=[item | {"order_item_id": 1, "product_id": "p"}, item | {"order_item_id": 2, "product_id": "q"}],
            reviews=[
                {"review_id": "r", "order_ids": ["a", "b"], "review_score": 5},
                {"review_id": "s", "order_ids": ["a"], "review_score": 2},
            ],
        )
    )
    assert (row.items_count, row.unique_products_count, row.sellers_count) == (2, 2, 1)
    assert (row.review_count, row.avg_review_score) == (2, 3.5)
    assert row.order_total_value == Decimal("23.00")


def test_the_total_value_is_the_payment_if_there_is_one(spark):
    row = only(
        master(
            spark,
            payments=[{"order_id": "a", "total_payment_value": Decimal("99.99"), "payment_count": 2}],
            items=[{"order_id": "a"}],
        )
    )
    assert (row.order_total_value, row.payment_count) == (Decimal("99.99"), 2)
