"""`olist price-tests`: the ranked list with what it rests on, a category, other formats, and what is missing."""

import csv
import io
import json
from decimal import Decimal

import pytest

from olist_assets.ml.gold_price_elasticities import GOLD_PRICE_ELASTICITIES
from olist_assets.ml.gold_price_scenarios import GOLD_PRICE_SCENARIOS
from olist_assets_tests.rows import store

SUCCESS, WRONG_USE = 0, 2
ESTIMATES = (
    {"scope": "pooled", "name": "all", "estimate": -1.656, "low": -2.014, "high": -1.298},
    {"scope": "placebo", "name": "price_4_weeks_ahead", "estimate": -0.1, "low": -0.467, "high": 0.267},
    {"scope": "out_of_sample", "name": "all", "estimate": -0.0115, "low": -0.0194, "high": -0.0039},
    {"scope": "category", "name": "baby"},
    {"scope": "category", "name": "toys"},
)


def scenario(product: str, category: str, rank: int, **more) -> dict:
    numbers = {"revenue_change": 0.12, "low": -0.02, "high": 0.31, "p_gain": 0.93, "expected_gain": 14.5}
    tests = {"weeks_to_test": 1234, "offers_to_test": 155, "step": -10, "new_price": Decimal("90.00")}
    key = {"product_id": product, "product_category_name_english": category, "rank": rank, "is_allowed": True}
    return key | {"price": Decimal("100.00")} | numbers | tests | more


REFUSED = {"product_id": "r", "product_category_name_english": "toys", "is_allowed": False}


@pytest.fixture
def made(warehouse):
    store(warehouse, GOLD_PRICE_ELASTICITIES, *ESTIMATES)
    store(
        warehouse,
        GOLD_PRICE_SCENARIOS,
        scenario("second", "toys", 2, weeks_to_test=None, offers_to_test=None),
        scenario("first", "baby", 1),
        REFUSED | {"refused_because": "outside_past_prices"},
    )
    return warehouse


def test_tests_are_listed_by_rank_below_what_they_rest_on(olist, made):
    code, text = olist("price-tests")
    assert code == SUCCESS
    lines = text.splitlines()
    assert lines[:3] == [
        "Elasticity of all offers: -1.66 [-2.01, -1.30]",
        "Effect of the price four weeks ahead, which should be zero: -0.10 [-0.47, 0.27]",
        "Deviance of later months with a price, against none: -1.1% [-1.9%, -0.4%]",
    ]
    assert text.index("first") < text.index("second")
    assert "+12.0%" in text
    assert "-2.0% to +31.0%" in text
    assert "1,234" in text
    assert lines[-1] == "1 refused: outside past prices"


def test_a_category_and_a_limit_choose_among_them(olist, made):
    _, text = olist("price-tests", "--category", "toys", "--format", "json")
    assert [row["product_id"] for row in json.loads(text)] == ["second"]
    _, text = olist("price-tests", "--limit", "1", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["product_id"], row["p_gain"], row["new_price"]) == ("first", "0.93", "90.00")


def test_an_unknown_category_is_answered_with_those_that_exist(olist, made):
    assert olist("price-tests", "--category", "toy's") == (
        WRONG_USE,
        "Error: No category toy's. There are: baby, toys.\n",
    )


def test_withheld_scenarios_say_why(olist, warehouse):
    store(warehouse, GOLD_PRICE_ELASTICITIES)
    store(warehouse, GOLD_PRICE_SCENARIOS, REFUSED | {"refused_because": "no_out_of_sample_gain"})
    code, text = olist("price-tests")
    assert code == SUCCESS
    assert "Elasticity of all offers: not known" in text
    assert text.endswith("No test is allowed.\n1 refused: no out of sample gain\n")


def test_tables_that_do_not_exist_are_named_with_the_command_that_makes_them(olist):
    code, text = olist("price-tests")
    assert (code, "olist materialize --select gold_price_scenarios" in text) == (WRONG_USE, True)
