"""Categories of known customers: the latest first, then the popular ones."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from olist_assets.decisions.recommendations.next_category import popular_for_all, ranked_categories
from olist_assets.decisions.recommendations.ranking import NONE
from olist_assets_tests.decisions.recommendations.arrays import purchases

# Customer, order, category, day: category 3 has three orders, the others one or two.
ROWS = [(0, 0, 1, 1), (1, 1, 3, 2), (0, 2, 2, 3), (2, 3, 3, 4), (2, 4, 0, 4), (0, 5, 1, 5), (1, 6, 3, 9)]


def ranked(rows, cutoff, asked, length=4):
    return ranked_categories(purchases(rows), cutoff, np.array(asked), length)


def test_bought_categories_come_first_the_latest_of_them_at_the_top():
    found = ranked(ROWS, 10, [0, 1])
    assert found.category.tolist() == [[1, 2, 3, 0], [3, 1, 0, 2]]
    assert found.last_purchase.tolist() == [[5, 2, NONE, NONE], [6, NONE, NONE, NONE]]


def test_purchases_from_the_cutoff_on_are_unknown():
    assert ranked(ROWS, 5, [0]).category.tolist() == [[2, 1, 3, 0]]
    assert ranked(ROWS, 1, [0]).category.tolist() == [[0, 1, 2, 3]]


def test_the_baseline_is_the_same_for_everybody():
    found = popular_for_all(purchases(ROWS), 10, np.array([0, 2]), 2)
    assert found.category.tolist() == [[3, 1], [3, 1]]
    assert (found.last_purchase == NONE).all()


def test_without_purchases_nothing_is_ranked():
    assert ranked([], 10, [], 5).category.shape == (0, 5)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=40), st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_a_list_is_what_a_loop_over_the_history_finds(bought, length):
    rows = [(customer, day, category, day) for day, (customer, category) in enumerate(bought)]
    customers = max(customer for customer, _ in bought) + 1
    counts = np.bincount([category for _, category in bought])
    popular = sorted(range(len(counts)), key=lambda category: (-counts[category], category))
    found = ranked(rows, len(rows), range(customers), length).category.tolist()
    for customer in range(customers):
        own = [category for one, category in reversed(bought) if one == customer]
        expected = list(dict.fromkeys([*own, *popular]))[:length]
        assert found[customer] == expected + [NONE] * (length - len(expected))
