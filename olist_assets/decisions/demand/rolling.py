"""Forecasts from weekly origins, with what was sold afterwards."""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.demand.conformal import Windows
from olist_assets.decisions.demand.models import forecast, recent_units
from olist_assets.decisions.demand.rule import WEEK, ForecastRule
from olist_assets.decisions.demand.units import Demand

# Weeks of history before the first origin, so that each weekday has occurred some times.
MIN_HISTORY_DAYS = 56


@dataclass(frozen=True)
class Rolling:
    """Forecasts of one model for one level, the newest origin first; arrays are (origins, series, days)."""

    origins: np.ndarray
    forecast: np.ndarray
    actual: np.ndarray
    """Units sold; NaN for days after the end of the data."""
    is_active: np.ndarray
    """Whether a series sold in the days before the origin: (origins, series)."""

    def sums(self, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Forecast and sold units of the first days together: (origins, series, 1)."""
        first = slice(None), slice(None), slice(days)
        return self.forecast[first].sum(axis=2, keepdims=True), self.actual[first].sum(axis=2, keepdims=True)

    def known_at(self, at: int, days: int) -> np.ndarray:
        """Which origins' first `days` days were over at origin number `at`."""
        return self.origins + days <= self.origins[at]

    def windows_before(self, at: int, days: int) -> Windows:
        """The windows of those origins."""
        known = self.known_at(at, days)
        return Windows(self.forecast[known, :, :days], self.actual[known, :, :days], self.is_active[known])


def weekly_origins(days: int) -> np.ndarray:
    """Indices of the last day, and of each week before it that has enough history; none if the last one has not."""
    return np.arange(days - 1, MIN_HISTORY_DAYS - 2, -WEEK)


def evaluated(origins: np.ndarray, horizon: int, most: int) -> np.ndarray:
    """Numbers of the newest origins whose windows of `horizon` days are over, one horizon apart in whole weeks."""
    step = -(-horizon // WEEK)
    return np.arange(step, len(origins), step)[:most]


def rolling(demand: Demand, level: str, model: str, days: int, rule: ForecastRule) -> Rolling:
    """The forecasts of a model from all weekly origins."""
    units, origins = demand.levels[level].units, weekly_origins(demand.days)
    weekdays = demand.weekdays(demand.days + days)
    expected = forecast(model, units, weekdays, origins, days=days, rule=rule)
    return Rolling(
        origins, expected, _sold_after(units, origins, days), recent_units(units, origins, rule.recent_days) > 0
    )


def _sold_after(units: np.ndarray, origins: np.ndarray, days: int) -> np.ndarray:
    padded = np.concatenate([units, np.full((len(units), days), np.nan)], axis=1)
    return padded[:, origins[:, None] + 1 + np.arange(days)].transpose(1, 0, 2)
