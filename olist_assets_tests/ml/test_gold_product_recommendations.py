"""The lists of products as a table: the proven rule or its baseline, and each check failing."""

from datetime import date

import pytest

from olist_assets.decisions.recommendations import evaluation as e
from olist_assets.ml.gold_product_recommendations import GOLD_PRODUCT_RECOMMENDATIONS as TABLE
from olist_assets.ml.gold_product_recommendations import gold_product_recommendations
from olist_assets.ml.gold_recommender_evaluation import GOLD_RECOMMENDER_EVALUATION
from olist_assets_tests.checks.verdicts import verdict, verdicts
from olist_assets_tests.ml.market import Order, arrow_tables, store_market
from olist_assets_tests.rows import arrow_rows, store

GAIN = {
    "model": e.compared(e.BOUGHT_TOGETHER, e.CATEGORY_POPULARITY),
    "month": e.TOGETHER_NAME,
    "metric": e.HIT,
    "value": 0.1,
    "low": 0.05,
    "high": 0.2,
}
ORDERS = [
    Order(date(2018, 1, 1), ("toys-old", "toys-a")),
    Order(date(2018, 8, 1), ("toys-a", "baby-b"), price="20.00"),
    Order(date(2018, 8, 2), ("toys-c",), price="30.00"),
]


def lists(*evaluation, orders=ORDERS):
    measured = arrow_rows(GOLD_RECOMMENDER_EVALUATION, *evaluation)
    tables = arrow_tables(orders, ["toys-never"])
    del tables["silver_customers"]
    rows = gold_product_recommendations(**tables, gold_recommender_evaluation=measured)
    return [tuple(row.values())[:5] for row in rows.to_pylist()], rows


def test_a_proven_rule_recommends_what_was_bought_together_first():
    found, rows = lists(GAIN)
    assert rows.schema.names == list(TABLE.column_names)
    assert found == [
        ("baby-b", 1, "toys-a", "bought_together", 1),
        ("toys-a", 1, "baby-b", "bought_together", 1),
        ("toys-a", 2, "toys-c", "same_seller_category", 0),
        ("toys-c", 1, "toys-a", "same_seller_category", 0),
        ("toys-never", 1, "toys-a", "category", 0),
        ("toys-never", 2, "toys-c", "category", 0),
        ("toys-old", 1, "toys-a", "bought_together", 1),
        ("toys-old", 2, "toys-c", "same_seller_category", 0),
    ]
    ratios = {row["product_id"]: row["price_ratio"] for row in rows.to_pylist() if row["rank"] == 1}
    assert ratios == {"baby-b": 1, "toys-a": 1, "toys-c": 20 / 30, "toys-never": None, "toys-old": 2}


@pytest.mark.parametrize(
    "evaluation",
    [[], [GAIN | {"low": 0.0}], [GAIN | {"month": "2018-08"}], [GAIN | {"metric": e.MRR}]],
    ids=["nothing is measured", "not above", "a single month", "another metric"],
)
def test_a_rule_that_is_not_above_its_baseline_is_not_shipped(evaluation):
    found, _ = lists(*evaluation)
    assert {reason for _, _, _, reason, _ in found} == {"category"}
    assert ("toys-old", 1, "toys-a", "category", 0) in found


def test_without_sales_there_are_no_lists():
    assert lists(GAIN, orders=[])[0] == []


GOOD = {"product_id": "toys-a", "rank": 1, "recommended_product_id": "toys-c", "reason": "category", "price_ratio": 1.0}
SECOND = GOOD | {"rank": 2, "recommended_product_id": "baby-b"}
FAULTS = {
    "no_product_is_in_its_own_list": [GOOD | {"recommended_product_id": "toys-a"}],
    "no_product_is_twice_in_a_list": [GOOD, GOOD | {"rank": 2}],
    "ranks_are_dense": [GOOD, SECOND | {"rank": 3}],
    "recommended_products_are_current": [GOOD | {"recommended_product_id": "toys-old"}],
    "lists_are_above_popularity_or_are_it": [GOOD | {"reason": "seller"}],
    "reason_is_accepted": [GOOD | {"reason": "luck"}],
    "product_id_and_rank_are_unique": [GOOD, GOOD | {"recommended_product_id": "baby-b"}],
    "product_id_exists_in_silver_products": [GOOD | {"product_id": "nothing"}],
    "recommended_product_id_exists_in_silver_products": [GOOD | {"recommended_product_id": "nothing"}],
    "rank_is_in_range": [GOOD | {"rank": 11}],
}
ALSO = {
    "reason_is_accepted": {"lists_are_above_popularity_or_are_it"},
    "product_id_and_rank_are_unique": {"ranks_are_dense"},
    "recommended_product_id_exists_in_silver_products": {"recommended_products_are_current"},
    "rank_is_in_range": {"ranks_are_dense"},
}


@pytest.fixture
def market(warehouse):
    store_market(warehouse, ORDERS)
    store(warehouse, GOLD_RECOMMENDER_EVALUATION, GAIN | {"low": 0.0})
    return warehouse


def failed(warehouse) -> set[str]:
    return {name for name, result in verdicts(warehouse, TABLE).items() if not result.passed}


def test_all_checks_pass_on_valid_lists_and_on_none(market):
    for rows in ([GOOD, SECOND], []):
        store(market, TABLE, *rows)
        assert failed(market) == set()


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_fails_on_its_fault(market, check):
    store(market, TABLE, *FAULTS[check])
    assert failed(market) == {check} | ALSO.get(check, set())
    is_warning = check == "rank_is_in_range"
    assert verdict(market, TABLE, check).severity.value == ("WARN" if is_warning else "ERROR")


def test_lists_beyond_popularity_pass_with_their_proof(market):
    store(market, TABLE, GOOD | {"reason": "seller"})
    store(market, GOLD_RECOMMENDER_EVALUATION, GAIN)
    assert failed(market) == set()


def test_the_last_day_of_the_window_is_current_and_the_day_before_is_not(market):
    check = "recommended_products_are_current"
    store(market, TABLE, GOOD)
    for day, passes in ((date(2018, 10, 30), True), (date(2018, 10, 31), False)):
        store_market(market, [*ORDERS, Order(day, ("toys-a",))])
        assert verdict(market, TABLE, check).passed is passes
