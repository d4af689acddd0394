"""The categories of each customer as a table."""

from datetime import date

import pytest

from olist_assets.decisions.recommendations import evaluation as e
from olist_assets.ml.gold_next_category import GOLD_NEXT_CATEGORY as TABLE
from olist_assets.ml.gold_next_category import gold_next_category
from olist_assets.ml.gold_recommender_evaluation import GOLD_RECOMMENDER_EVALUATION
from olist_assets_tests.checks.verdicts import verdicts
from olist_assets_tests.ml.market import Order, arrow_tables, store_market
from olist_assets_tests.rows import arrow_rows, store

GAIN = {
    "model": e.compared(e.NEXT_CATEGORY, e.POPULAR_CATEGORIES),
    "month": e.TOGETHER_NAME,
    "metric": e.CATEGORY_MRR,
    "low": 0.05,
}
ORDERS = [
    Order(date(2018, 1, 1), ("toys-a",), customer="ana"),
    Order(date(2018, 2, 1), ("unknown-a", "baby-a", "auto-a"), customer="ana"),
    Order(date(2018, 2, 2), ("unknown-a",), customer="nobody's category"),
    Order(date(2018, 3, 1), ("toys-b",), customer="bia"),
]


def ranked(*evaluation, orders=ORDERS):
    measured = arrow_rows(GOLD_RECOMMENDER_EVALUATION, *evaluation)
    tables = arrow_tables(orders)
    del tables["silver_products"]
    rows = gold_next_category(**tables, gold_recommender_evaluation=measured)
    return [tuple(row.values()) for row in rows.to_pylist()]


def test_the_first_item_of_the_latest_order_comes_first():
    assert ranked(GAIN) == [
        ("ana", 1, "baby", "bought_before", date(2018, 2, 1)),
        ("ana", 2, "auto", "bought_before", date(2018, 2, 1)),
        ("ana", 3, "toys", "bought_before", date(2018, 1, 1)),
        ("bia", 1, "toys", "bought_before", date(2018, 3, 1)),
        ("bia", 2, "auto", "popular", None),
        ("bia", 3, "baby", "popular", None),
    ]


def test_without_proof_everybody_gets_the_popular_categories():
    for evaluation in ([], [GAIN | {"low": 0.0}]):
        found = ranked(*evaluation)
        assert [category for _, _, category, _, _ in found] == ["toys", "auto", "baby"] * 2
        assert {(reason, day) for *_, reason, day in found} == {("popular", None)}


def test_without_orders_nobody_is_known():
    assert ranked(GAIN, orders=[]) == []


GOOD = {"customer_unique_id": "ana", "product_category_name_english": "toys", "reason": "popular"}
FAULTS = {
    "ranks_are_dense": [GOOD | {"rank": 2}],
    "no_category_is_twice_in_a_list": [GOOD, GOOD | {"rank": 2}],
    "reason_is_accepted": [GOOD | {"reason": "luck"}],
    "customer_unique_id_exists_in_silver_customers": [GOOD | {"customer_unique_id": "nobody"}],
}


@pytest.mark.parametrize("check", [None, *FAULTS])
def test_each_check_fails_on_its_fault_and_none_on_valid_rows(warehouse, check):
    store_market(warehouse, ORDERS)
    store(warehouse, TABLE, *FAULTS.get(check, [GOOD]))
    failed = {name for name, result in verdicts(warehouse, TABLE).items() if not result.passed}
    assert failed == ({check} if check else set())
