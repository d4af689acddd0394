"""The evaluation: which months, which questions, known answers, and intervals that hold what they say."""

from datetime import date

import numpy as np
import pytest

from olist_assets.decisions.recommendations import evaluation as e
from olist_assets.decisions.recommendations.product_lists import category_lists
from olist_assets_tests.decisions.recommendations.arrays import purchases, sales

JULY = e.Month("2018-07", 100, 131)


def day(text: str) -> int:
    return (date.fromisoformat(text) - e.EPOCH).days


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2016-09-04", "2018-09-03", ["2018-06", "2018-07", "2018-08"]),
        ("2016-09-04", "2018-08-31", ["2018-06", "2018-07", "2018-08"]),
        ("2016-09-04", "2018-08-30", ["2018-05", "2018-06", "2018-07"]),
        ("2018-07-31", "2018-09-03", ["2018-08"]),
        ("2018-08-01", "2018-09-03", []),
    ],
    ids=["a month has begun", "on its last day", "a day is missing", "one month", "nothing to learn from"],
)
def test_months_are_whole_and_have_sales_before_them(first, last, months):
    assert [month.name for month in e.full_months(day(first), day(last) + 1, 3)] == months


def test_no_sales_have_no_month():
    assert e.full_months(0, 0, 3) == []


def values(measured, model, metric):
    (one,) = [one for one in measured if (one.model, one.metric) == (model, metric)]
    return one.values.tolist()


def test_each_of_two_products_is_asked_for_and_an_order_weighs_as_one():
    items = [
        (0, 0, 0, 10, 90), (0, 1, 0, 10, 90), (1, 2, 1, 10, 91),
        # One order repeats a pair that was seen; of the other one, product 3 was never sold before.
        (2, 0, 0, 10, 110), (2, 1, 0, 10, 110), (3, 0, 0, 10, 111), (3, 1, 0, 10, 111), (3, 3, 2, 10, 111),
    ]  # fmt: skip
    found = e.measured_lists(sales(items, [0, 1, 2, 3]), JULY)
    # Of the six questions of the second order, 0 for 1 and 1 for 0 are answered; 3 is asked for in two.
    assert values(found, e.BOUGHT_TOGETHER, e.HIT) == pytest.approx([1, 2 / 6])
    assert values(found, e.BOUGHT_TOGETHER, e.MRR) == pytest.approx([1, 2 / 6])
    assert values(found, e.BOUGHT_TOGETHER, e.COLD) == pytest.approx([0, 2 / 6])
    assert values(found, e.CATEGORY_POPULARITY, e.HIT) == [0, 0]
    gain = e.compared(e.BOUGHT_TOGETHER, e.CATEGORY_POPULARITY)
    assert values(found, gain, e.HIT) == pytest.approx([1, 2 / 6])
    # Products 0, 1 and 2 may be recommended; nothing leads to 2.
    assert values(found, e.BOUGHT_TOGETHER, e.COVERAGE) == [1, 1, 0]
    # All products lead to 0, 1 and 2.
    assert values(found, e.OVERALL_POPULARITY, e.HIT) == pytest.approx([1, 4 / 6])


def test_a_list_is_made_once_however_many_orders_ask_for_it(monkeypatch):
    asked = []

    def lists_of(shelf, products):
        asked.append(products.tolist())
        return category_lists(shelf, products)

    monkeypatch.setattr(e, "MODELS", {e.BOUGHT_TOGETHER: lists_of, e.CATEGORY_POPULARITY: lists_of})
    items = [(order, product, 0, 10, day) for order, day in enumerate((90, 110, 111, 112)) for product in (0, 1)]
    found = e.measured_lists(sales(items, [0, 0]), JULY)
    assert values(found, e.BOUGHT_TOGETHER, e.HIT) == [1, 1, 1]
    assert {tuple(products) for products in asked} == {(0, 1)}


def test_a_month_without_two_products_in_an_order_measures_no_list():
    assert e.measured_lists(sales([(0, 0, 0, 10, 90), (1, 1, 0, 10, 110)], [0, 0]), JULY) == []


def test_a_month_after_a_pause_has_no_product_to_recommend_and_measures_no_coverage():
    items = [(0, 0, 0, 10, 5), (0, 1, 0, 10, 5), (1, 0, 0, 10, 110), (1, 1, 0, 10, 110)]
    found = e.measured_lists(sales(items, [0, 0]), JULY)
    assert e.COVERAGE not in {one.metric for one in found}
    assert values(found, e.BOUGHT_TOGETHER, e.HIT) == [0]
    assert values(found, e.BOUGHT_TOGETHER, e.COLD) == [1]


def test_the_best_placed_category_of_a_known_customers_first_order_counts():
    rows = [
        (0, 0, 2, 90), (1, 1, 0, 91), (2, 2, 0, 92),
        # Customer 0 orders 1 and 2 at once, and 0 later; customer 1 orders 1; customer 3 is new.
        (0, 3, 1, 105), (0, 3, 2, 105), (3, 4, 0, 106), (1, 5, 1, 107), (0, 6, 0, 108),
    ]  # fmt: skip
    found = e.measured_next_categories(purchases(rows), JULY)
    # Popular before: 0 (two orders), 2 (one), 1 (none).
    assert values(found, e.NEXT_CATEGORY, e.CATEGORY_MRR) == pytest.approx([1, 1 / 3])
    assert values(found, e.POPULAR_CATEGORIES, e.CATEGORY_MRR) == pytest.approx([1 / 2, 1 / 3])
    assert values(found, e.compared(e.NEXT_CATEGORY, e.POPULAR_CATEGORIES), e.CATEGORY_MRR) == pytest.approx([1 / 2, 0])
    assert values(found, e.NEXT_CATEGORY, e.KNOWN) == [1, 0, 1, 1]


def test_without_a_known_customer_only_their_share_is_measured():
    found = e.measured_next_categories(purchases([(0, 0, 0, 90), (1, 1, 0, 105)]), JULY)
    assert [(one.metric, one.values.tolist()) for one in found] == [(e.KNOWN, [0])]
    assert e.measured_next_categories(purchases([(0, 0, 0, 90)]), JULY) == []


def test_months_together_are_the_units_of_both():
    one, other = (e.Measured("m", month, "x", np.array([value])) for month, value in (("a", 1.0), ("b", 0.0)))
    (found,) = e.together([one, other, e.Measured("m", "c", "x", np.ones(9))], ["a", "b"])
    assert (found.month, found.values.tolist()) == (e.TOGETHER_NAME, [1, 0])


def test_an_interval_is_that_of_the_normal_law_in_the_limit_and_the_same_for_the_same_seed():
    of = np.repeat([0.0, 1.0], [7500, 2500])
    found = e.interval(of, 4000, seed=1)
    half = 1.96 * (0.25 * 0.75 / 10_000) ** 0.5
    assert found.value == 0.25
    assert (found.low, found.high) == pytest.approx((0.25 - half, 0.25 + half), abs=0.0006)
    assert e.interval(of[::-1], 4000, seed=1) == found


def test_intervals_hold_the_true_mean_nineteen_times_of_twenty():
    draws = np.random.default_rng(7).random((400, 200)) < 0.2
    found = [e.interval(row.astype(float), 500, seed=3) for row in draws]
    assert 0.91 <= np.mean([one.low <= 0.2 <= one.high for one in found]) <= 0.98


def test_one_value_alone_has_an_interval_of_no_width():
    assert e.interval(np.ones(5), 100, seed=1) == e.Interval(1, 1, 1)
