"""Intervals from the residuals of past forecasts, pooled over the series of a level.

Split conformal prediction: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al.,
Distribution-Free Predictive Inference for Regression, JASA 113, 2018. Its guarantee needs exchangeable residuals, and
those of a time series are not: Barber et al., Conformal Prediction Beyond Exchangeability, Annals of Statistics 51,
2023. Hence the coverage is measured at each origin. A residual is divided by the standard deviation of a count whose
mean varies too, `sqrt(mean + v mean²)`, and by the spread of its series, which is shrunk to that of all series as in
Efron and Morris, Data Analysis Using Stein's Estimator, JASA 70, 1975.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from olist_assets.decisions.demand.rule import WEEK, ForecastRule

# Keeps the scale of a forecast near zero above zero: half a unit.
MIN_VARIANCE = 0.25


class Windows(NamedTuple):
    """Past forecasts and what was sold, (origins, series, days), of series that sold before: (origins, series)."""

    expected: np.ndarray
    actual: np.ndarray
    is_active: np.ndarray


@dataclass(frozen=True)
class Residuals:
    """Scaled residuals of a level: `scores` are (residuals, quantities), `spread` is (series, quantities).

    A quantity is what is forecast once per origin and series: the units of a day, or of some days together.
    """

    scores: np.ndarray
    spread: np.ndarray
    relative_variance: float

    def carries(self, probability: float) -> bool:
        """Whether there are enough residuals for a quantile."""
        return 1 <= _rank(len(self.scores), probability) <= len(self.scores)

    def quantiles(self, probabilities: Sequence[float]) -> np.ndarray:
        """Conformal quantiles of the scores: (probabilities, quantities). NaN where there are too few residuals."""
        found = np.full((len(probabilities), self.scores.shape[1]), np.nan)
        ranks = {at: _rank(len(self.scores), p) - 1 for at, p in enumerate(probabilities) if self.carries(p)}
        if ranks:
            chosen = list(ranks.values())
            found[list(ranks)] = np.partition(self.scores, sorted(set(chosen)), axis=0)[chosen]
        return found

    def bounds(self, mean: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
        """Quantiles of demand around `mean`, (series, quantities): (probabilities, series, quantities), at least 0."""
        scale = _scale(mean, self.relative_variance) * self.spread
        return np.maximum(mean + self.quantiles(probabilities)[:, None, :] * scale, 0)


def residuals(mean: np.ndarray, actual: np.ndarray, is_active: np.ndarray, rule: ForecastRule) -> Residuals:
    """Residuals of forecasts, (origins, series, quantities), of those series that sold before: (origins, series)."""
    raw = np.where(is_active[:, :, None], (actual - mean) / _scale(mean, rule.relative_variance), 0)
    squares, seen = (raw**2).sum(axis=0), is_active.sum(axis=0)[:, None]
    mean_square = squares.sum(axis=0) / max(seen.sum(), 1)
    mean_square = np.where(mean_square > 0, mean_square, 1)
    prior = rule.spread_prior_residuals
    spread = np.sqrt((squares + prior * mean_square) / ((seen + prior) * mean_square))
    return Residuals((raw / spread)[is_active], spread, rule.relative_variance)


def day_bounds(past: Windows, mean: np.ndarray, probabilities: Sequence[float], rule: ForecastRule) -> np.ndarray:
    """Bounds of single days around `mean`, (series, days): (probabilities, series, days).

    The residuals of a horizon week are pooled over its days. By day, each would have those of one weekday only, as the
    origins are weeks apart, and a single day such as Black Friday would be its upper end.
    """
    days = mean.shape[1]
    weeks = [slice(begin, min(begin + WEEK, days)) for begin in range(0, days, WEEK)]
    return np.concatenate([_week(past, part, rule).bounds(mean[:, part], probabilities) for part in weeks], axis=2)


def _week(past: Windows, part: slice, rule: ForecastRule) -> Residuals:
    """The residuals of some days of all windows, as if each day were an origin of its own."""
    expected, actual = (np.concatenate(list(np.moveaxis(each[:, :, part], 2, 0)))[:, :, None] for each in past[:2])
    return residuals(expected, actual, np.tile(past.is_active, (part.stop - part.start, 1)), rule)


def _scale(mean: np.ndarray, relative_variance: float) -> np.ndarray:
    return np.sqrt(mean + relative_variance * mean**2 + MIN_VARIANCE)


def _rank(residuals: int, probability: float) -> int:
    """Which of the sorted residuals is the quantile: rounded outwards, so that it also holds for the next one."""
    # The product of a decimal like 0.9 may be a little above the whole number that is meant.
    at = round((residuals + 1) * probability, 9)
    return ceil(at) if probability >= 0.5 else floor(at)
