"""Demand: which days count, and which units belong to which series."""

from datetime import date, timedelta

import numpy as np
import pytest

from olist_assets.decisions.demand.units import complete_span, demand
from olist_assets_tests.decisions.demand.series import MONDAY, made, tables

FULL = [10] * 40


@pytest.mark.parametrize(
    ("totals", "span"),
    [
        (FULL, (0, 40)),
        ([*FULL, 5], (0, 41)),
        ([*FULL, 4, 2, 1], (0, 40)),
        ([*FULL, 4, 9, 1], (0, 42)),
        ([*FULL, *[0] * 5, 1], (0, 40)),
        # One order long before, and one long after.
        ([1, *[0] * 40, *FULL, *[0] * 40, 1], (41, 81)),
        ([0, 0, 3], (2, 3)),
        ([1], (0, 1)),
        ([10, 10, 10, 10, 10, 3, 3] * 5, (0, 35)),
    ],
    ids=[
        "full",
        "half",
        "fades out",
        "a weak day before a full one",
        "single late order",
        "pauses",
        "one day",
        "least",
        "weekends",
    ],
)
def test_the_history_is_the_longest_stretch_up_to_its_last_complete_day(totals: list[int], span: tuple[int, int]):
    assert complete_span(np.array(totals)) == span


def test_items_are_counted_by_level_and_day_and_categories_of_products_are_known():
    found = made({("a", "toys", "SP"): np.array([2, 0, 3]), ("b", "art", "RJ"): np.array([1, 2, 1])})
    assert (found.first, found.days, found.day(2)) == (MONDAY, 3, MONDAY + timedelta(days=2))
    shown = {level: dict(zip(s.names, s.units.tolist(), strict=True)) for level, s in found.levels.items()}
    assert shown == {
        "total": {"total": [3, 2, 4]},
        "state": {"SP": [2, 0, 3], "RJ": [1, 2, 1]},
        "category": {"toys": [2, 0, 3], "art": [1, 2, 1]},
        "category_state": {"toys/SP": [2, 0, 3], "art/RJ": [1, 2, 1]},
    }
    categories = found.levels["category"].names
    assert [categories[at] for at in found.category_of] == ["toys", "art"]
    assert found.products.names == ("a", "b")
    assert found.weekdays(9).tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]


def test_items_without_a_known_order_or_customer_have_no_day():
    given = tables({("a", "toys", "SP"): np.array([2, 2])})
    given["silver_customers"] = given["silver_customers"].slice(1)
    given["silver_purchases"] = given["silver_purchases"].slice(0, 3)
    assert demand(**given).levels["total"].units.tolist() == [[1, 1]]


def test_without_items_there_are_no_days():
    found = made({})
    assert (found.days, found.levels["state"].names) == (0, ())
    assert found.first == date(1970, 1, 1)
