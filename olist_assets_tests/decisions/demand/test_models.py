"""Forecasts with known answers, and what they may not know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olist_assets.decisions.demand.models import forecast, recent_units
from olist_assets.decisions.demand.rolling import evaluated, rolling, weekly_origins
from olist_assets.decisions.demand.rule import CANDIDATES, ForecastRule
from olist_assets_tests.decisions.demand.series import made, noisy

RULE = ForecastRule()
WEEK = np.array([8.0, 4, 4, 4, 4, 2, 2])


def weekdays(days: int) -> np.ndarray:
    return np.arange(days) % 7


def one_origin(model: str, units: np.ndarray, days: int = 7, rule: ForecastRule = RULE) -> np.ndarray:
    last = np.array([units.shape[1] - 1])
    return forecast(model, units, weekdays(units.shape[1] + days), last, days=days, rule=rule)[0]


@pytest.mark.parametrize("model", ["level_weekday", "seasonal_naive_7"])
def test_a_fixed_weekly_pattern_is_repeated(model: str):
    units = np.stack([np.tile(WEEK, 20), 3 * np.tile(WEEK, 20)])
    expected = np.stack([np.tile(WEEK, 3), 3 * np.tile(WEEK, 3)])
    np.testing.assert_allclose(one_origin(model, units, days=21), expected, rtol=1e-9)


def test_the_level_forgets_by_its_half_life():
    units = np.concatenate([np.full(700, 10.0), np.full(21, 20.0)])[None]
    found = one_origin("level_weekday", units, rule=RULE.model_copy(update={"weekday_half_life_days": 1e9}))
    # One half-life after the change, half of the weight is on each side.
    assert found.mean() == pytest.approx(15, rel=0.01)


def test_few_units_take_the_weekdays_of_the_level():
    busy, rare = np.tile(WEEK * 100, 20), np.zeros(140)
    rare[::14] = 1
    found = one_origin("level_weekday", np.stack([busy, rare]))[1]
    np.testing.assert_allclose(found / found.mean(), WEEK / WEEK.mean(), rtol=0.1)
    alone = one_origin("level_weekday", np.stack([busy, rare]), rule=RULE.model_copy(update={"weekday_prior_units": 0}))
    assert alone[1, 1:].sum() == 0


def test_baselines():
    units = np.arange(35.0)[None]
    assert one_origin("seasonal_naive_7", units, days=9)[0].tolist() == [28, 29, 30, 31, 32, 33, 34, 28, 29]
    assert one_origin("mean_28", units, days=2)[0].tolist() == [20.5, 20.5]
    assert recent_units(units, np.array([2, 34]), 3).tolist() == [[3], [99]]


@pytest.mark.parametrize("model", CANDIDATES)
@given(seed=st.integers(0, 1000), cut=st.integers(60, 119))
def test_nothing_behind_the_origin_changes_a_forecast(model: str, seed: int, cut: int):
    units = np.random.default_rng(seed).poisson(2, (3, 120)).astype(float)
    changed = units.copy()
    changed[:, cut + 1 :] += 50
    found = [forecast(model, rows, weekdays(140), np.array([cut]), days=14, rule=RULE) for rows in (units, changed)]
    assert (found[0] == found[1]).all()
    assert (found[0] >= 0).all()
    assert np.isfinite(found[0]).all()


def test_origins_are_weeks_apart_with_enough_history_and_evaluated_windows_do_not_overlap():
    assert weekly_origins(70).tolist() == [69, 62, 55]
    assert weekly_origins(55).tolist() == []
    origins = weekly_origins(56 + 28 * 3)
    numbers = evaluated(origins, 28, 8)
    assert origins[numbers].tolist() == [111, 83, 55]
    assert evaluated(origins, 28, 2).tolist() == [4, 8]
    assert evaluated(origins, 10, 1).tolist() == [2]


def test_forecasts_stand_beside_what_was_sold_and_unknown_days_are_nan():
    demand = made(noisy(100))
    found = rolling(demand, "category", "seasonal_naive_7", 14, RULE)
    assert found.origins[:3].tolist() == [99, 92, 85]
    assert np.isnan(found.actual[0]).all()
    assert np.isnan(found.actual[1, :, 7:]).all()
    assert not np.isnan(found.actual[1, :, :7]).any()
    assert (found.actual[2] == demand.levels["category"].units[:, 86:100]).all()
    assert found.is_active.all()
    assert found.known_at(0, 14).tolist() == [False, False, True, True, True, True, True]
