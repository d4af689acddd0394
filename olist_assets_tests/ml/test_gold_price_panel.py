"""The panel of prices: which weeks it has, which price is known in them, and that no sale of a whole week is lost."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olist_assets.ml.gold_price_panel import GOLD_PRICE_PANEL, gold_price_panel
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets_tests.checks.verdicts import verdicts
from olist_assets_tests.rows import arrow_rows, store

MONDAY = date(2018, 1, 1)
Sale = tuple[str, int, str]


def sold(*sales: Sale) -> tuple[list[dict], list[dict]]:
    """Items and purchases of sales, each a product, a day from MONDAY on and a price."""
    items = [
        {"order_id": f"o{n}", "product_id": product, "seller_id": "s", "price": Decimal(price)}
        for n, (product, _, price) in enumerate(sales)
    ]
    purchases = [
        {"order_id": f"o{n}", "order_date": MONDAY + timedelta(days=day)} for n, (_, day, _) in enumerate(sales)
    ]
    return items, purchases


def panel(*sales: Sale) -> list[dict]:
    items, purchases = sold(*sales)
    return gold_price_panel(
        arrow_rows(SILVER_ORDER_ITEMS, *items), arrow_rows(SILVER_PURCHASES, *purchases)
    ).to_pylist()


def test_a_price_is_carried_to_the_next_sale_and_known_a_week_later():
    rows = panel(("a", 0, "10.00"), ("a", 6, "11.00"), ("a", 22, "20.00"), ("b", 34, "1.00"))
    assert [(r["week"], r["units"], r["price"], r["price_before"], r["weeks_since_first_sale"]) for r in rows] == [
        (date(2018, 1, 1), 2, Decimal("10.50"), None, 0),
        (date(2018, 1, 8), 0, Decimal("10.50"), Decimal("10.50"), 1),
        (date(2018, 1, 15), 0, Decimal("10.50"), Decimal("10.50"), 2),
        (date(2018, 1, 22), 1, Decimal("20.00"), Decimal("10.50"), 3),
        (date(2018, 1, 29), 1, Decimal("1.00"), None, 0),
    ]


@pytest.mark.parametrize(("last_day", "weeks"), [(5, 0), (6, 1), (12, 1), (13, 2)])
def test_a_week_that_has_not_ended_is_left_out(last_day, weeks):
    assert len(panel(("a", 0, "1.00"), ("a", last_day, "1.00"))) == weeks


def test_no_sales_are_an_empty_panel():
    assert panel() == []


sale = st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.sampled_from(["1.00", "2.50", "9.99"]))


@given(st.lists(sale, min_size=1, max_size=25))
@settings(max_examples=40, deadline=None)
def test_no_sale_of_a_whole_week_is_lost_and_no_offer_has_a_gap(sales: list[Sale]):
    rows = panel(*sales)
    end = (max(day for _, day, _ in sales) + 1) // 7 * 7
    expected = Counter(product for product, day, _ in sales if day < end)
    assert sum((Counter({r["product_id"]: r["units"]}) for r in rows), Counter()) == expected
    for product in expected:
        own = [r for r in rows if r["product_id"] == product]
        assert [r["week"] for r in own] == [own[0]["week"] + timedelta(weeks=n) for n in range(len(own))]
        assert own[0]["units"] > 0
        assert own[-1]["units"] > 0
        assert [r["price_before"] for r in own[1:]] == [r["price"] for r in own[:-1]]


@given(st.lists(sale, min_size=1, max_size=15), st.randoms())
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_does_not_matter(sales, random):
    items, purchases = sold(*sales)
    shuffled = random.sample(items, len(items)), random.sample(purchases, len(purchases))
    first, second = (
        gold_price_panel(arrow_rows(SILVER_ORDER_ITEMS, *i), arrow_rows(SILVER_PURCHASES, *p))
        for i, p in ((items, purchases), shuffled)
    )
    assert first.equals(second)


SALES = (("a", 0, "10.00"), ("a", 15, "11.00"), ("b", 20, "5.00"))


def stored(warehouse, *rows: dict) -> set[str]:
    """Names of the checks that fail on rows, where the sales are SALES."""
    items, purchases = sold(*SALES)
    store(warehouse, SILVER_ORDER_ITEMS, *items)
    store(warehouse, SILVER_PURCHASES, *purchases)
    store(warehouse, GOLD_PRICE_PANEL, *rows)
    return {name for name, result in verdicts(warehouse, GOLD_PRICE_PANEL).items() if not result.passed}


def test_checks_pass_on_the_panel_itself(warehouse):
    assert stored(warehouse, *panel(*SALES)) == set()


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("units_reconcile_with_order_items", lambda rows: [rows[0] | {"units": 2}, *rows[1:]]),
        ("weeks_have_no_gap", lambda rows: [rows[0], *rows[2:]]),
        ("only_first_weeks_have_no_price_before", lambda rows: [*rows[:-1], rows[-1] | {"price_before": Decimal(5)}]),
        ("units_is_in_range", lambda rows: [rows[0] | {"units": -1}, rows[1] | {"units": 2}, *rows[2:]]),
        ("price_is_in_range", lambda rows: [rows[0] | {"price": Decimal(-1)}, *rows[1:]]),
        ("price_before_is_in_range", lambda rows: [rows[0], rows[1] | {"price_before": Decimal(-1)}, *rows[2:]]),
        ("product_id_seller_id_week_are_unique", lambda rows: [rows[0], rows[0], *rows[2:]]),
        ("weeks_since_first_sale_is_in_range", lambda rows: [rows[0] | {"weeks_since_first_sale": -1}, *rows[1:]]),
    ],
)  # fmt: skip
def test_each_check_fails_on_its_fault(warehouse, check, change):
    failed = stored(warehouse, *change(panel(*SALES)))
    assert check in failed


def test_the_panel_has_the_columns_of_its_contract():
    items, purchases = (arrow_rows(SILVER_ORDER_ITEMS), arrow_rows(SILVER_PURCHASES))
    found = gold_price_panel(items, purchases)
    assert isinstance(found, pa.Table)
    assert tuple(found.column_names) == GOLD_PRICE_PANEL.column_names
