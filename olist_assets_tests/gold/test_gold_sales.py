"""gold_product_metrics and gold_category_metrics: the same sales per product and per category."""

from datetime import date
from decimal import Decimal

import pytest

from olist_assets.gold.gold_category_metrics import gold_category_metrics
from olist_assets.gold.gold_product_metrics import GOLD_PRODUCT_METRICS, gold_product_metrics
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_order_reviews import SILVER_ORDER_REVIEWS
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets_tests.rows import frame


def item(order, product, price, category="sound", **more):
    return {
        "order_id": order,
        "product_id": product,
        "price": Decimal(price),
        "freight_value": Decimal("1.00"),
        "product_category_name_english": category,
        **more,
    }


ITEMS = (
    item("a", "p", "10.00", order_item_id=1),
    item("a", "p", "10.00", order_item_id=2),
    item("b", "p", "10.01", seller_id="y"),
    item("b", "q", "30.01", order_item_id=2),
)
REVIEWS = (
    {"review_id": "r", "order_ids": ["a", "b"], "review_score": 5},
    {"review_id": "s", "order_ids": ["a"], "review_score": 2},
)


@pytest.fixture(scope="module")
def products(spark):
    """Products p and q with equal revenue, and r and s, which were never sold."""
    result = gold_product_metrics(
        frame(
            spark,
            SILVER_PRODUCTS,
            *({"product_id": name, "product_category_name_english": "sound"} for name in "pqr"),
            {"product_id": "s", "product_category_name_english": "unknown"},
        ),
        frame(spark, SILVER_ORDER_ITEMS, *ITEMS),
        frame(spark, SILVER_ORDER_REVIEWS, *REVIEWS),
        frame(
            spark,
            SILVER_PURCHASES,
            {"order_id": "a", "order_date": date(2018, 1, 5)},
            {"order_id": "b", "order_date": date(2018, 3, 5)},
        ),
    )
    return {row.product_id: row for row in result.collect()}


def test_a_product_counts_orders_and_units(products):
    p = products["p"]
    assert (p.total_orders, p.units_sold, p.total_revenue) == (2, 3, Decimal("30.01"))
    assert p.avg_price == Decimal("10.00")
    assert (p.first_sold_date, p.last_sold_date) == (date(2018, 1, 5), date(2018, 3, 5))


def test_an_order_with_two_units_counts_its_score_once(products):
    assert products["p"].avg_review_score == (3.5 + 5) / 2


def test_equal_revenue_shares_a_rank(products):
    assert [products[name].revenue_rank for name in "pqrs"] == [1, 1, 3, 3]
    assert [products[name].category_revenue_rank for name in "pqrs"] == [1, 1, 3, 1]


def test_a_product_never_sold_has_zeros_and_nulls(products):
    s = products["s"]
    assert (s.product_category_name_english, s.total_orders, s.total_revenue) == ("unknown", 0, Decimal("0.00"))
    assert (s.avg_price, s.avg_review_score, s.first_sold_date) == (None, None, None)


def test_categories_count_an_order_once_and_share_out_all_revenue(spark):
    result = gold_category_metrics(
        frame(spark, SILVER_ORDER_ITEMS, *ITEMS, item("b", "t", "60.02", category="toys", order_item_id=3)),
        frame(spark, SILVER_ORDER_REVIEWS, *REVIEWS),
        frame(
            spark,
            GOLD_PRODUCT_METRICS,
            *({"product_id": name, "product_category_name_english": "sound"} for name in "pqr"),
            {"product_id": "t", "product_category_name_english": "toys"},
            {"product_id": "u", "product_category_name_english": "unknown"},
        ),
    )
    rows = {row.product_category_name_english: row for row in result.collect()}
    sound = rows["sound"]
    assert (sound.total_orders, sound.units_sold, sound.products_count, sound.sellers_count) == (2, 4, 3, 2)
    assert sound.avg_review_score == (3.5 + 5) / 2
    assert (sound.revenue_share, rows["toys"].revenue_share, rows["unknown"].revenue_share) == (0.5, 0.5, 0.0)
    assert sound.freight_share == 4 / 60.02
    assert [rows[name].revenue_rank for name in ("sound", "toys", "unknown")] == [1, 1, 3]
    assert rows["unknown"].freight_share is None


def test_items_of_products_that_are_not_in_the_catalogue_are_a_category_of_their_own(spark):
    result = gold_category_metrics(
        frame(spark, SILVER_ORDER_ITEMS, *ITEMS, item("b", "gone", "9.98", category="unknown", order_item_id=3)),
        frame(spark, SILVER_ORDER_REVIEWS),
        frame(spark, GOLD_PRODUCT_METRICS, {"product_id": "p", "product_category_name_english": "sound"}),
    )
    rows = {row.product_category_name_english: row for row in result.collect()}
    assert (rows["unknown"].products_count, rows["unknown"].total_revenue) == (0, Decimal("9.98"))
    assert sum(row.total_revenue for row in rows.values()) == Decimal("70.00")
