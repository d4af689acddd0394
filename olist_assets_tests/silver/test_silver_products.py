"""silver_products: typed measures, and the category in both languages."""

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_products import silver_products
from olist_assets_tests.rows import frame, only

AUDIO = {"product_category_name": "audio", "product_category_name_english": "sound"}


def products(spark, *rows, translation=(AUDIO,)):
    return silver_products(
        frame(spark, BRONZE["products"], *rows), frame(spark, BRONZE["product_category_translation"], *translation)
    )


@pytest.mark.parametrize(("portuguese", "english"), [("audio", "sound"), ("pc_gamer", "pc_gamer"), (None, "unknown")])
def test_the_category_is_the_translation_else_the_portuguese_name_else_unknown(spark, portuguese, english):
    row = only(products(spark, {"product_category_name": portuguese}))
    assert (row.product_category_name, row.product_category_name_english) == (portuguese, english)


def test_repeated_rows_of_products_and_translations_give_one_row(spark):
    row = only(products(spark, AUDIO_PRODUCT, AUDIO_PRODUCT, translation=[AUDIO, AUDIO]))
    assert row.product_category_name_english == "sound"


AUDIO_PRODUCT = {"product_id": "p", "product_category_name": "audio"}


def test_a_rejected_translation_is_not_used(spark):
    broken = AUDIO | {"product_category_name_english": "NaN"}
    assert only(products(spark, AUDIO_PRODUCT, translation=[broken])).product_category_name_english == "audio"


def test_measures_are_whole_numbers_under_correctly_spelt_names(spark):
    row = only(products(spark, {"product_name_lenght": "40", "product_weight_g": "225.0", "product_width_cm": None}))
    assert (row.product_name_length, row.product_weight_g, row.product_width_cm) == (40, 225, None)
