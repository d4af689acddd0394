"""What sells in each state."""

from datetime import date

import pytest

from olist_assets.ml.gold_state_popular import GOLD_STATE_POPULAR as TABLE
from olist_assets.ml.gold_state_popular import gold_state_popular
from olist_assets_tests.checks.verdicts import verdicts
from olist_assets_tests.ml.market import Order, arrow_tables, store_market
from olist_assets_tests.rows import store

ORDERS = [
    Order(date(2018, 5, 4), ("toys-late",)),
    Order(date(2018, 5, 5), ("toys-b", "toys-b")),
    Order(date(2018, 5, 6), ("toys-a", "toys-c")),
    Order(date(2018, 5, 7), ("toys-c",)),
    Order(date(2018, 8, 2), ("baby-a",), state="RJ"),
]


def test_orders_of_the_last_90_days_count_by_state_and_ties_go_to_the_smaller_id():
    rows = gold_state_popular(**arrow_tables(ORDERS)).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("RJ", 1, "baby-a", "baby", 1),
        ("SP", 1, "toys-c", "toys", 2),
        ("SP", 2, "toys-a", "toys", 1),
        ("SP", 3, "toys-b", "toys", 1),
    ]


def test_a_state_has_ten_products_at_most_and_without_orders_none():
    many = [Order(date(2018, 8, 1), [f"toys-{number}" for number in range(12)])]
    assert gold_state_popular(**arrow_tables(many)).num_rows == 10
    assert gold_state_popular(**arrow_tables([])).num_rows == 0


GOOD = {"customer_state": "SP", "product_id": "toys-c"}
FAULTS = {
    "ranks_are_dense": [GOOD | {"rank": 2}],
    "customer_state_is_accepted": [GOOD | {"customer_state": "XX"}],
    "product_id_exists_in_silver_products": [GOOD | {"product_id": "nothing"}],
    "orders_is_in_range": [GOOD | {"orders": 0}],
}


@pytest.mark.parametrize("check", [None, *FAULTS])
def test_each_check_fails_on_its_fault_and_none_on_valid_rows(warehouse, check):
    store_market(warehouse, ORDERS)
    store(warehouse, TABLE, *FAULTS.get(check, [GOOD]))
    failed = {name for name, result in verdicts(warehouse, TABLE).items() if not result.passed}
    assert failed == ({check} if check else set())
