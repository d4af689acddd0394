"""Forecasts of daily units at several origins at once.

An origin is the index of the last day that a forecast knows. Each function returns (origins, series, days): the mean of
each of the `days` days after each origin.
"""

import numpy as np

from olist_assets.decisions.demand.rule import (
    LEVEL_WEEKDAY,
    MEAN_28,
    SEASONAL_NAIVE,
    WEEK,
    ForecastRule,
)

MONTH = 28


def forecast(
    model: str, units: np.ndarray, weekdays: np.ndarray, origins: np.ndarray, *, days: int, rule: ForecastRule
) -> np.ndarray:
    """The forecasts of a model by its name; `weekdays` are those of all days up to the last forecast one."""
    if model == LEVEL_WEEKDAY:
        return level_weekday(units, weekdays, origins, days=days, rule=rule)
    return {SEASONAL_NAIVE: seasonal_naive, MEAN_28: mean_28}[model](units, origins, days)


def level_weekday(
    units: np.ndarray, weekdays: np.ndarray, origins: np.ndarray, *, days: int, rule: ForecastRule
) -> np.ndarray:
    """Level times weekday factor, both by exponentially weighted sums.

    The level is the weighted units over the weighted factors of the same days: the maximum likelihood estimate of a
    Poisson level whose factors are known. Exponential weights: Brown, Statistical Forecasting for Inventory Control,
    1959; Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., chapter 8. The factors of a series
    are shrunk to those of all series by a prior of so many units, the posterior mean of Dirichlet-distributed shares.
    """
    factors = _weekday_factors(*_weighted_sums(units, weekdays, origins, rule.weekday_half_life_days), rule)
    sold, weights = _weighted_sums(units, weekdays, origins, rule.level_half_life_days)
    level = sold.sum(axis=2) / (factors * weights[:, None, :]).sum(axis=2)
    ahead = weekdays[origins[:, None] + 1 + np.arange(days)]
    return level[:, :, None] * np.take_along_axis(factors, ahead[:, None, :], axis=2)


def seasonal_naive(units: np.ndarray, origins: np.ndarray, days: int) -> np.ndarray:
    """The last seven known days, again and again: Hyndman and Athanasopoulos, section 5.2."""
    last = origins[:, None] - WEEK + 1 + np.arange(days) % WEEK
    return units[:, last].transpose(1, 0, 2)


def mean_28(units: np.ndarray, origins: np.ndarray, days: int) -> np.ndarray:
    """The mean of the last 28 known days, for each day."""
    return np.repeat(recent_units(units, origins, MONTH)[:, :, None] / MONTH, days, axis=2)


def recent_units(units: np.ndarray, origins: np.ndarray, days: int) -> np.ndarray:
    """Units of the last `days` known days: (origins, series)."""
    sums = [units[:, max(origin + 1 - days, 0) : origin + 1].sum(axis=1) for origin in origins]
    return np.array(sums).reshape(len(origins), len(units))


def _weighted_sums(
    units: np.ndarray, weekdays: np.ndarray, origins: np.ndarray, half_life: float
) -> tuple[np.ndarray, np.ndarray]:
    """Units by weekday, halved in weight per half-life: (origins, series, 7); the same of ones: (origins, 7).

    Day by day instead of as one matrix product, whose rounding depends on the number of threads.
    """
    decay = 0.5 ** (1 / half_life)
    at_origin = {int(origin): at for at, origin in enumerate(origins)}
    sums, weights = np.zeros((len(origins), len(units), WEEK)), np.zeros((len(origins), WEEK))
    state, days = np.zeros((WEEK, len(units))), np.zeros(WEEK)
    for day in range(int(origins.max(initial=-1)) + 1):
        state *= decay
        days *= decay
        state[weekdays[day]] += units[:, day]
        days[weekdays[day]] += 1
        if day in at_origin:
            sums[at_origin[day]], weights[at_origin[day]] = state.T, days
    return sums, weights


def _weekday_factors(sold: np.ndarray, weights: np.ndarray, rule: ForecastRule) -> np.ndarray:
    """Units of a weekday over those of a mean day: (origins, series, 7), each with the mean 1."""
    pooled = _shares(sold.sum(axis=1) / weights)
    own = _shares(sold / weights[:, None, :])
    total, prior = sold.sum(axis=2, keepdims=True), rule.weekday_prior_units
    # Without any units the denominator is 0 only if there is no prior either: then each weekday is the same.
    known = total + prior
    shares = (total * own + prior * pooled[:, None, :]) / np.where(known > 0, known, 1)
    return np.where(known > 0, WEEK * shares, 1)


def _shares(values: np.ndarray) -> np.ndarray:
    total = values.sum(axis=-1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1), 1 / WEEK)
