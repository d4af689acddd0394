"""The tab of price tests: cards, ranked tests, charts, and what it says where there is nothing to show."""

from decimal import Decimal

import pytest

from olist_assets.dashboard.decisions.price_tests_data import categories, estimates, refused, scenarios
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.gold_price_elasticities import GOLD_PRICE_ELASTICITIES
from olist_assets.ml.gold_price_scenarios import GOLD_PRICE_SCENARIOS
from olist_assets.settings import Settings
from olist_assets_tests.dashboard.conftest import messages, rerun, shown
from olist_assets_tests.rows import store

INTERVAL = {"estimate": -1.5, "low": -2.0, "high": -1.0}
ESTIMATES = (
    {"scope": "pooled", "name": "all"} | INTERVAL,
    {"scope": "category", "name": "toys", "shrunk": -1.2, "shrunk_standard_error": 0.2} | INTERVAL,
    {"scope": "category", "name": "baby", "shrunk": -1.7, "shrunk_standard_error": 0.2} | INTERVAL,
    {"scope": "category", "name": "art", "shrunk": -1.4},
    {"scope": "placebo", "name": "price_4_weeks_ahead", "estimate": 0.1, "low": -0.2, "high": 0.4},
    {"scope": "out_of_sample", "name": "all", "estimate": -0.012, "low": -0.02, "high": -0.004},
)


def scenario(product: str, category: str, rank: int) -> dict:
    numbers = {"revenue_change": 0.12, "low": -0.02, "high": 0.31, "p_gain": 0.93, "expected_gain": 14.5}
    key = {"product_id": product, "product_category_name_english": category, "rank": rank, "is_allowed": True}
    return key | numbers | {"price": Decimal(100), "step": -10, "weeks_to_test": 900, "offers_to_test": 113}


REFUSED = {"product_id": "r", "is_allowed": False, "refused_because": "outside_past_prices"}


@pytest.fixture
def made(warehouse: Warehouse) -> None:
    store(warehouse, GOLD_PRICE_ELASTICITIES, *ESTIMATES)
    store(warehouse, GOLD_PRICE_SCENARIOS, scenario("b", "toys", 2), scenario("a", "baby", 1), REFUSED)


def test_tab_without_tables_shows_the_command_that_makes_them(settings: Settings):
    found = messages(shown("decisions"))
    assert "--select gold_price_elasticities" in found
    assert "--select gold_price_scenarios" in found


def test_tab_shows_estimates_with_their_intervals_and_the_tests_by_rank(made: None):
    app = shown("decisions")
    cards = {card.label: (card.value, card.delta) for card in app.metric}
    assert cards["Elasticity of all offers"] == ("-1.50", "-2.00 to -1.00")
    assert cards["Deviance with a price"] == ("-1.2%", "-2.0% to -0.4%")
    assert app.dataframe[0].value["product_id"].tolist() == ["a", "b"]
    assert any("1 outside past prices" in text.value for text in app.caption)
    app.multiselect(key="price_categories").set_value(["toys"])
    assert rerun(app).dataframe[0].value["product_id"].tolist() == ["b"]


def test_tab_of_a_history_that_is_too_short_says_so(warehouse: Warehouse):
    store(warehouse, GOLD_PRICE_ELASTICITIES)
    store(warehouse, GOLD_PRICE_SCENARIOS, REFUSED | {"refused_because": "no_out_of_sample_gain"})
    app = shown("decisions")
    assert {card.value for card in app.metric} == {"unknown"}
    assert "No test is allowed" in messages(app)
    assert "too short" in messages(app)


def test_queries_of_the_tab(made: None):
    assert categories() == ["baby", "toys"]
    assert scenarios([])["rank"].tolist() == [1, 2]
    assert refused().values.tolist() == [["outside_past_prices", 1]]
    assert estimates("pooled", "category")["title"].tolist() == ["all offers", "baby", "toys"]
