"""The lists of products: each step of the rule, its ties, and that nothing after the cutoff changes a list."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olist_assets.decisions.recommendations import product_lists as p
from olist_assets.decisions.recommendations.ranking import NONE
from olist_assets_tests.decisions.recommendations.arrays import sales

CUTOFF = 100
TOGETHER, SAME_CATEGORY, SELLER, CATEGORY = range(4)


def lists(items, categories, lists_of=p.product_lists):
    of = sales(items, categories)
    return lists_of(p.shelf_at(of, CUTOFF), np.arange(of.products))


def shown(found: p.Lists, product: int) -> list[tuple[int, int]]:
    """The recommended products of one product, each with its reason."""
    pairs = zip(found.recommended[product].tolist(), found.reason[product].tolist(), strict=True)
    return [pair for pair in pairs if pair[0] != NONE]


def test_steps_follow_each_other_and_a_product_is_in_one_of_them():
    items = [
        (0, 0, 1, 1000, 90), (0, 4, 9, 5000, 90),  # 0 and 4 in one order, of different sellers and categories
        (1, 1, 1, 1100, 91),  # the seller and category of 0
        (2, 2, 1, 1000, 92),  # the seller of 0, another category
        (3, 3, 2, 1000, 93),  # the category of 0, another seller
    ]  # fmt: skip
    found = lists(items, [0, 0, 1, 0, 1])
    assert shown(found, 0) == [(4, TOGETHER), (1, SAME_CATEGORY), (2, SELLER), (3, CATEGORY)]
    assert found.pairs_seen[0].tolist()[:4] == [1, 0, 0, 0]
    assert found.score[0].tolist()[:4] == pytest.approx([1 / 2, 10 / 11 * 2**p.POPULARITY, 2**p.POPULARITY, 1])
    assert found.price_ratio[0].tolist()[:4] == pytest.approx([5, 1.1, 1, 1])


def test_the_nearer_price_comes_first_up_or_down_and_ties_go_to_the_smaller_id():
    prices = [1000, 2000, 900, 1120, 1000, 500]
    found = lists([(n, n, 1, cents, 90) for n, cents in enumerate(prices)], [0] * 6)
    # 900 is 0.9 of 1000, 1000 is 0.893 of 1120; 500 and 2000 are both a factor of two away.
    assert [product for product, _ in shown(found, 0)] == [4, 2, 3, 1, 5]


def test_recent_orders_lift_a_product_of_the_same_seller():
    popular = [(10 + n, 2, 1, 2000, 95) for n in range(200)]
    found = lists([(0, 0, 1, 1000, 90), (1, 1, 1, 1010, 90), *popular], [0, 0, 0])
    assert [product for product, _ in shown(found, 0)] == [2, 1]


def test_more_orders_together_come_before_fewer():
    items = [
        item for order, other in enumerate((1, 2, 2)) for item in ((order, 0, order, 10, 90), (order, other, 8, 10, 90))
    ]
    assert shown(lists(items, [0, 1, 2]), 0) == [(2, TOGETHER), (1, TOGETHER)]


def test_the_last_sale_gives_seller_and_price():
    items = [(0, 0, 1, 1000, 80), (1, 0, 2, 3000, 90), (2, 1, 2, 1500, 90), (3, 2, 1, 1000, 90)]
    found = lists(items, [0, 1, 2])
    assert shown(found, 0) == [(1, SELLER)]
    assert found.price_ratio[0][0] == 0.5


def test_only_products_sold_within_the_window_are_recommended_and_all_have_a_list():
    first = CUTOFF - p.SOLD_WITHIN_DAYS
    found = lists([(0, 0, 1, 10, first - 1), (1, 1, 1, 10, first), (2, 2, 1, 10, CUTOFF)], [0, 0, 0, 0])
    assert [shown(found, product) for product in range(4)] == [
        [(1, SAME_CATEGORY)],  # sold too long ago to be recommended itself
        [],
        [(1, CATEGORY)],  # first sold after the cutoff: only its category is known
        [(1, CATEGORY)],  # never sold
    ]
    assert np.isnan(found.price_ratio[3]).all()


def test_baselines_are_the_popular_products_of_the_category_and_of_all():
    items = [(n, product, product, 10, 90) for n, product in enumerate((0, 1, 2, 2, 3, 3, 3))]
    assert shown(lists(items, [0, 0, 0, 1], p.category_lists), 0) == [(2, CATEGORY), (1, CATEGORY)]
    assert [product for product, _ in shown(lists(items, [0, 0, 0, 1], p.overall_lists), 0)] == [3, 2, 1]


def test_a_list_ends_after_ten_products():
    found = lists([(n, n, n % 3, 100 + n, 90) for n in range(60)], [0] * 60)
    assert found.recommended.shape == (60, p.LENGTH)
    assert (found.recommended != NONE).all()


def test_a_large_catalogue_is_made_in_parts_that_are_the_whole(monkeypatch):
    monkeypatch.setattr(p, "MAX_ASKED", 3)
    assert [part.tolist() for part in p.parts(np.arange(7))] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [part.tolist() for part in p.parts(np.arange(3))] == [[0, 1, 2]]
    assert [part.tolist() for part in p.parts(np.arange(0))] == [[]]


@pytest.mark.parametrize("categories", [[], [0, 1]], ids=["no product", "no sale"])
def test_without_sales_all_lists_are_empty(categories):
    found = lists([], categories)
    assert found.recommended.shape == (len(categories), p.LENGTH)
    assert (found.recommended == NONE).all()


PRODUCTS = 14
ITEMS = st.lists(
    st.tuples(
        st.integers(0, 25), st.integers(0, PRODUCTS - 1), st.integers(0, 3), st.integers(0, 300), st.integers(0, 120)
    ),
    max_size=60,
)
CATEGORIES = [number % 3 for number in range(PRODUCTS)]


def by_day(items):
    """Items in the order of purchase, each order on the day of its first one."""
    day = {order: day for order, *_, day in reversed(items)}
    return sorted(((*item[:-1], day[item[0]]) for item in items), key=lambda item: (item[-1], item[0]))


@given(items=ITEMS, later=ITEMS)
@settings(max_examples=200, deadline=None)
def test_nothing_after_the_cutoff_changes_a_list(items, later):
    before = [item for item in by_day(items) if item[-1] < CUTOFF]
    # Later orders have numbers of their own.
    after = [(order + 100, *rest, CUTOFF + day) for order, *rest, day in by_day(later)]
    for one, other in zip(astuple(lists(before, CATEGORIES)), astuple(lists(before + after, CATEGORIES)), strict=True):
        np.testing.assert_array_equal(one, other)


@given(items=ITEMS)
@settings(max_examples=200, deadline=None)
def test_a_list_has_no_gap_no_repetition_never_the_product_itself_and_current_products_only(items):
    items = by_day(items)
    current = {item[1] for item in items if CUTOFF - p.SOLD_WITHIN_DAYS <= item[-1] < CUTOFF}
    found = lists(items, CATEGORIES)
    for product, row in enumerate(found.recommended.tolist()):
        recommended = [value for value in row if value != NONE]
        assert row == recommended + [NONE] * (p.LENGTH - len(recommended))
        assert len(set(recommended)) == len(recommended)
        assert set(recommended) <= current - {product}
    reasons = np.where(found.recommended == NONE, len(p.REASONS), found.reason)
    assert (np.diff(reasons, axis=1) >= 0).all()
