"""The evaluation on later months: a price helps where it matters, and only there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olist_assets.decisions.price_tests.out_of_sample import compared, deviance, divided, window
from olist_assets_tests.decisions.price_tests.markets import market


def evaluated(seed: int, **options):
    weeks = market(seed, **options)
    windows = [window(weeks, month) for month in range(2, weeks.month.max() + 1)]
    return compared([found for found in windows if found is not None], draws=300, seed=1)


def test_a_price_that_matters_improves_the_prediction():
    assert all(evaluated(seed).change[2] < 0 for seed in range(5))


def test_a_price_without_an_effect_does_not():
    improved = [evaluated(seed, elasticity=0.0).change[2] < 0 for seed in range(20)]
    # An interval of 95 % lies below zero in 2.5 % of the markets: more than 3 of 20 with a probability of 0.1 %.
    assert sum(improved) <= 3


def test_what_comes_after_a_month_does_not_change_what_is_fitted_before_it():
    weeks = market(3)
    month = 3
    sold_later = np.where(weeks.month > month, weeks.units + 3, weeks.units)
    changed = replace(weeks, units=sold_later)
    first, second = window(weeks, month), window(changed, month)
    assert first is not None
    assert second is not None
    assert first.with_price.tobytes() == second.with_price.tobytes()


def test_the_first_month_has_nothing_to_be_predicted_from():
    assert window(market(1), 0) is None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.floats(0.01, 9)), min_size=1, max_size=20))
def test_a_category_has_as_many_units_expected_as_sold_and_no_other_number_fits_better_than_the_sold(rows):
    category, units, weight = (np.array(part) for part in zip(*rows, strict=True))
    expected = divided(weight, category, units.astype(float))
    sums = [np.bincount(category, values) for values in (expected, units)]
    assert sums[0] == pytest.approx(sums[1])
    assert np.all(deviance(units.astype(float), np.maximum(expected, 1e-9)) >= -1e-9)
    assert deviance(units.astype(float), units.astype(float)) == pytest.approx(0.0)


def test_deviance_of_a_known_value():
    assert deviance(np.array([2.0, 0.0]), np.array([1.0, 1.5])) == pytest.approx([2 * (2 * np.log(2) - 1), 3.0])
