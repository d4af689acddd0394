"""Intervals: ranks by hand, coverage of draws that are exchangeable, and too few residuals."""

import numpy as np
import pytest

from olist_assets.decisions.demand.conformal import Residuals, Windows, day_bounds, residuals
from olist_assets.decisions.demand.rule import ForecastRule

RULE = ForecastRule()


def of(scores: list[float]) -> Residuals:
    return Residuals(np.array(scores)[:, None], np.ones((1, 1)), 0.0)


def test_a_quantile_is_the_residual_whose_rank_is_rounded_outwards():
    nine = of([9, 8, 7, 6, 5, 4, 3, 2, 1])
    assert nine.quantiles([0.1, 0.5, 0.85, 0.9])[:, 0].tolist() == [1, 5, 9, 9]
    assert np.isnan(nine.quantiles([0.05, 0.95])).all()
    assert [nine.carries(p) for p in (0.05, 0.1, 0.9, 0.95)] == [False, True, True, False]
    assert np.isnan(of([]).quantiles([0.5])).all()


def test_a_bound_is_the_mean_plus_the_scaled_quantile_and_never_below_zero():
    low, high = of([-3, 0, 3]).bounds(np.array([[2.0]]), [0.25, 0.75])[:, 0, 0]
    assert low == 0
    assert high == pytest.approx(2 + 3 * np.sqrt(2.25))


def test_a_wide_series_gets_wider_intervals_but_shrunk_to_those_of_all():
    random = np.random.default_rng(1)
    mean = np.full((60, 10, 1), 50.0)
    actual = mean + random.normal(0, 5, mean.shape) * np.where(np.arange(10) == 0, 4, 1)[None, :, None]
    spread = residuals(mean, actual, np.ones((60, 10), bool), RULE).spread[:, 0]
    root_mean_square = np.sqrt((9 + 16) / 10)
    assert spread[1:].mean() < 1 < spread[0] < 4 / root_mean_square


@pytest.mark.parametrize("share", [0.8, 0.95])
def test_intervals_of_exchangeable_draws_cover_what_they_promise(share: float):
    random = np.random.default_rng(7)
    mean = np.repeat(random.uniform(1, 200, 80)[None, :, None], 61, axis=0)
    # Each count has a mean that itself varies by 30 %: a Poisson interval would be too narrow.
    actual = random.poisson(mean * random.gamma(1 / 0.09, 0.09, mean.shape)).astype(float)
    past = residuals(mean[1:], actual[1:], np.ones((60, 80), bool), RULE)
    low, high = past.bounds(mean[0], [(1 - share) / 2, (1 + share) / 2])
    covered = ((low <= actual[0]) & (actual[0] <= high)).mean()
    assert covered == pytest.approx(share, abs=0.08)
    assert (low <= high).all()


def test_series_that_sold_nothing_before_are_not_among_the_residuals():
    mean, actual = np.ones((5, 2, 1)), np.ones((5, 2, 1))
    actual[:, 1] = 100
    is_active = np.array([[True, False]] * 5)
    found = residuals(mean, actual, is_active, RULE)
    assert found.scores.tolist() == [[0]] * 5


def test_the_days_of_a_horizon_week_share_their_residuals():
    random = np.random.default_rng(5)
    mean = np.full((31, 20, 14), 30.0)
    actual = random.poisson(30, mean.shape).astype(float)
    # One day of one window sells ten times as much: among so many residuals it is not the end of any interval.
    actual[4, :, 2] = 300
    past = Windows(mean[1:], actual[1:], np.ones((30, 20), bool))
    low, high = day_bounds(past, mean[0], [0.05, 0.95], RULE)
    for bound in (low, high):
        assert bound.shape == (20, 14)
        for week in (bound[:, :7], bound[:, 7:]):
            assert (week == week[:, :1]).all()
    assert high.max() < 60
    assert 0.8 < ((low <= actual[0]) & (actual[0] <= high)).mean() < 1
