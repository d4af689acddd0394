"""Arithmetic of a price step: known answers, and a simulated test that sees its effect as often as stated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olist_assets.decisions.price_tests.scenarios import gain_change, p_gain, revenue_change, weeks_to_test

steps = st.sampled_from([-0.15, -0.1, -0.05, 0.05, 0.1, 0.15])


def one(function, *values, **options) -> float:
    return float(function(*(np.array([value]) for value in values), **options)[0])


def test_known_changes():
    assert one(revenue_change, -0.1, -2.0) == pytest.approx(1 / 0.9 - 1)
    assert one(revenue_change, 0.1, -1.0) == pytest.approx(0.0)
    # A price of 100 with a cost of 60: 121 / 100 of the units at a margin of 30.9 instead of 40.
    assert one(gain_change, 1 / 1.1 - 1, -2.0, unit_cost_share=0.6) == pytest.approx(1.21 * (100 / 1.1 - 60) / 40 - 1)


@given(steps, st.floats(-5, 1), st.floats(0.1, 2))
def test_a_gain_is_as_likely_as_not_where_none_is_expected_and_likelier_where_one_is(step, elasticity, error):
    p = one(p_gain, step, elasticity, error, unit_cost_share=0.0)
    assert (p > 0.5) == (one(revenue_change, step, elasticity) > 0) or p == pytest.approx(0.5)


@given(steps, st.floats(-5, 1), st.floats(0.1, 2), st.floats(0, 0.8))
def test_a_probability_is_the_share_of_elasticities_that_gain(step, elasticity, error, cost):
    drawn = elasticity + error * np.random.default_rng(1).standard_normal(4000)
    share = np.mean(gain_change(np.full(4000, step), drawn, cost) > 0)
    assert one(p_gain, step, elasticity, error, unit_cost_share=cost) == pytest.approx(share, abs=0.04)


def test_a_price_below_the_unit_cost_never_gains():
    assert one(p_gain, -0.15, -50.0, 0.1, unit_cost_share=0.9) == 0
    assert one(weeks_to_test, -0.15, -50.0, 1.0, dispersion=1.0, unit_cost_share=0.9) == np.inf


def test_no_effect_is_never_seen_and_more_sales_show_it_sooner():
    assert one(weeks_to_test, 0.1, -1.0, 5.0, dispersion=1.0) == np.inf
    slow, fast = (one(weeks_to_test, -0.15, -3.0, units, dispersion=1.0) for units in (5.0, 50.0))
    assert fast == pytest.approx(slow / 10, abs=1)


def test_a_test_of_that_length_sees_the_effect_as_often_as_its_power_says():
    step, elasticity, weekly = -0.15, -2.0, 5.0
    weeks = one(weeks_to_test, step, elasticity, weekly, dispersion=1.0, power=0.8)
    rng = np.random.default_rng(1)
    old = rng.poisson(weekly * weeks / 2, 4000)
    new = rng.poisson(weekly * (1 + step) ** elasticity * weeks / 2, 4000)
    z = (np.log(new / old) + np.log1p(step)) / np.sqrt(1 / new + 1 / old)
    assert np.mean(z > 1.96) == pytest.approx(0.8, abs=0.03)
