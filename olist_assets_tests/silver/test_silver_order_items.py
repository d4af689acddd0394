"""silver_order_items: categories, joins that keep every item, and exact amounts."""

from decimal import Decimal

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_order_items import silver_order_items
from olist_assets_tests.rows import frame, only


@pytest.mark.parametrize(
    ("portuguese", "english"),
    [("audio", "sound"), ("pc_gamer", "pc_gamer"), (None, "unknown")],
)
def test_the_category_is_the_translation_else_the_portuguese_name_else_unknown(spark, portuguese, english):
    row = only(
        silver_order_items(
            frame(spark, BRONZE["order_items"], {"product_id": "p"}),
            frame(spark, BRONZE["products"], {"product_id": "p", "product_category_name": portuguese}),
            frame(
                spark,
                BRONZE["product_category_translation"],
                {"product_category_name": "audio", "product_category_name_english": "sound"},
            ),
        )
    )
    assert (row.product_category_name, row.product_category_name_english) == (portuguese, english)


def test_items_of_unknown_products_and_of_repeated_catalogue_rows_have_one_row_each(spark):
    items = silver_order_items(
        frame(
            spark,
            BRONZE["order_items"],
            {"product_id": "gone", "order_item_id": "1"},
            {"product_id": "p", "order_item_id": "2"},
        ),
        frame(spark, BRONZE["products"], {"product_id": "p"}, {"product_id": "p"}),
        frame(spark, BRONZE["product_category_translation"], {}, {}),
    )
    assert sorted(row.order_item_id for row in items.collect()) == [1, 2]


def test_amounts_are_exact_decimals(spark):
    row = only(
        silver_order_items(
            frame(spark, BRONZE["order_items"], {"price": "0.1", "freight_value": "58.9"}),
            frame(spark, BRONZE["products"]),
            frame(spark, BRONZE["product_category_translation"]),
        )
    )
    assert (row.price, row.freight_value) == (Decimal("0.10"), Decimal("58.90"))
