"""The Recommendations tab: cards with baselines, lists with reasons, and what it says without rows."""

from datetime import date

import pytest

from olist_assets.dashboard.decisions import recommendations_data as data
from olist_assets.decisions.recommendations import evaluation as e
from olist_assets.ml.gold_next_category import GOLD_NEXT_CATEGORY
from olist_assets.ml.gold_product_recommendations import GOLD_PRODUCT_RECOMMENDATIONS
from olist_assets.ml.gold_recommender_evaluation import GOLD_RECOMMENDER_EVALUATION, LISTS_GAIN
from olist_assets.ml.gold_state_popular import GOLD_STATE_POPULAR
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets_tests.dashboard.conftest import messages, rerun, shown
from olist_assets_tests.rows import store

HIT = {"metric": e.HIT, "month": e.TOGETHER_NAME, "low": 0.1, "high": 0.3}


@pytest.fixture
def recommendations(warehouse, settings):
    """Two products with lists, a state, a customer, and an evaluation."""
    first = {"product_id": "abc", "recommended_product_id": "abd", "reason": "bought_together", "pairs_seen": 4}
    second = first | {"rank": 2, "recommended_product_id": "xyz", "reason": "category", "pairs_seen": 0}
    store(warehouse, GOLD_PRODUCT_RECOMMENDATIONS, first, second, first | {"product_id": "abd", "pairs_seen": 3})
    products = [{"product_id": one, "product_category_name_english": "toys"} for one in ("abc", "abd", "xyz")]
    store(warehouse, SILVER_PRODUCTS, *products)
    store(warehouse, GOLD_STATE_POPULAR, {"customer_state": "RJ", "product_id": "abc", "orders": 7})
    bought = {"customer_unique_id": "ana", "product_category_name_english": "toys", "reason": "bought_before"}
    store(warehouse, GOLD_NEXT_CATEGORY, bought | {"last_order_date": date(2018, 8, 1)})
    measured = [
        HIT | {"model": e.BOUGHT_TOGETHER, "value": 0.2},
        HIT | {"model": e.CATEGORY_POPULARITY, "value": 0.15},
        HIT | {"model": LISTS_GAIN, "value": 0.05},
    ]
    months = [row | {"month": month} for row in measured for month in ("2018-07", "2018-08")]
    store(warehouse, GOLD_RECOMMENDER_EVALUATION, *measured, *months)


def test_cards_show_the_value_beside_its_baseline(recommendations):
    app = shown("decisions")
    (card,) = app.metric
    assert (card.label, card.value, card.delta) == (
        "Other product in the list",
        "20.0%",
        "10.0% to 30.0%, popular: 15.0%",
    )


def test_lists_have_reasons_in_words(recommendations):
    app = shown("decisions")
    beside, popular = app.dataframe[0].value, app.dataframe[1].value
    assert list(beside["reason"]) == ["bought together", "popular in the category"]
    assert list(beside["category"]) == ["toys", "toys"]
    assert list(popular["product_id"]) == ["abc"]


def test_a_product_is_found_by_the_beginning_of_its_id_and_an_unknown_one_is_named(recommendations):
    assert list(data.product_list("abd")["product_id"]) == ["abd"]
    assert list(data.product_list("ab")["product_id"]) == ["abc", "abc"]
    assert data.product_list("zz").empty
    assert data.products() == ["abc", "abd"]


def test_a_customer_is_looked_up_by_the_id(recommendations):
    app = shown("decisions")
    app.text_input(key="recommendations_customer").set_value("ana")
    rerun(app)
    assert list(app.dataframe[2].value["category"]) == ["toys"]
    app.text_input(key="recommendations_customer").set_value("bia")
    rerun(app)
    assert "No customer with an order has this id" in messages(app)


def test_months_have_no_gains(recommendations):
    found = data.months(e.HIT)
    assert set(found["model"]) == {e.BOUGHT_TOGETHER, e.CATEGORY_POPULARITY}
    assert list(found["month"].unique()) == ["2018-07", "2018-08"]


def test_shares_of_the_reasons_add_up(recommendations):
    found = data.reasons()
    assert dict(zip(found["reason"], found["share"], strict=True)) == pytest.approx(
        {"bought_together": 2 / 3, "category": 1 / 3}
    )


def test_tables_that_are_not_made_yet_are_named(settings):
    found = messages(shown("decisions"))
    assert "gold_product_recommendations" in found
    assert "gold_recommender_evaluation" in found


def test_empty_tables_say_what_is_missing_to_measure(warehouse, settings):
    for table in (GOLD_PRODUCT_RECOMMENDATIONS, GOLD_STATE_POPULAR, GOLD_NEXT_CATEGORY, GOLD_RECOMMENDER_EVALUATION):
        store(warehouse, table)
    store(warehouse, SILVER_PRODUCTS)
    assert "Nothing is measured yet" in messages(shown("decisions"))
