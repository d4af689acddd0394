"""The forecasts from the last day of the data, with intervals per day, and the demand of a lead time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from olist_assets.decisions.demand.conformal import day_bounds, residuals
from olist_assets.decisions.demand.products import product_shares
from olist_assets.decisions.demand.rolling import Rolling, rolling
from olist_assets.decisions.demand.rule import (
    CATEGORY,
    CATEGORY_SHARE,
    LEVELS,
    PRODUCT_SHARE,
    SEASONAL_NAIVE,
    ForecastRule,
)
from olist_assets.decisions.demand.units import Demand
from olist_assets.lakehouse.arrow_sql import query

# Ends of the intervals of 80 % and 95 %.
ENDS = (0.1, 0.9, 0.025, 0.975)


@dataclass(frozen=True)
class Outlook:
    """Forecasts of a level's series that sold recently: `mean` is (series, days), `bounds` (ends, series, days).

    A bound is NaN where past residuals are too few for it.
    """

    level: str
    model: str
    names: Sequence[str]
    mean: np.ndarray
    bounds: np.ndarray


@dataclass(frozen=True)
class LeadTime:
    """Demand of the days of a lead time together: `mean` is (series,), `points` are (service levels, series).

    A point is the quantile of demand that a service level asks for; NaN where past residuals are too few for it.
    """

    names: Sequence[str]
    mean: np.ndarray
    points: np.ndarray
    residuals: int


def champions(gold_forecast_evaluation: pa.Table) -> dict[str, str]:
    """The champion of each level; the seasonal naive forecast where too little history was evaluated."""
    found = query("SELECT DISTINCT level, model FROM scores WHERE is_champion", scores=gold_forecast_evaluation)
    return dict.fromkeys(LEVELS, SEASONAL_NAIVE) | {row["level"]: row["model"] for row in found.to_pylist()}


def outlooks(demand: Demand, champion: Mapping[str, str], rule: ForecastRule) -> Iterator[Outlook]:
    """The forecasts of each level by its champion, and of products by their share of it; none for a short history."""
    for level in LEVELS:
        forecasts = rolling(demand, level, champion[level], rule.horizon_days, rule)
        if not len(forecasts.origins):
            return
        mean, is_active = forecasts.forecast[0], forecasts.is_active[0]
        past = forecasts.windows_before(0, rule.horizon_days)
        bounds = day_bounds(past, mean, ENDS, rule)[:, is_active]
        yield Outlook(level, champion[level], _names(demand, level, forecasts), mean[is_active], bounds)
        if level == CATEGORY:
            yield _products(demand, forecasts, rule)


def lead_time(
    demand: Demand, level: str, model: str, *, days: int, services: Sequence[float], rule: ForecastRule
) -> LeadTime | None:
    """Demand in the `days` after the last one: a quantile of demand over the lead time itself.

    Not z times sigma times the square root of the lead time, which takes days for independent and normal: Trapero,
    Cardos and Kourentzes, Empirical Safety Stock Estimation Based on Kernel and GARCH Models, Omega 84, 2019. None for
    a history without an origin.
    """
    forecasts = rolling(demand, level, model, days, rule)
    if not len(forecasts.origins):
        return None
    mean, sold = forecasts.sums(days)
    known, is_active = forecasts.known_at(0, days), forecasts.is_active[0]
    past = residuals(mean[known], sold[known], forecasts.is_active[known], rule)
    points = past.bounds(mean[0], services)[:, is_active, 0]
    return LeadTime(_names(demand, level, forecasts), mean[0, is_active, 0], points, len(past.scores))


def _names(demand: Demand, level: str, forecasts: Rolling) -> list[str]:
    names = demand.levels[level].names
    return [names[at] for at in np.flatnonzero(forecasts.is_active[0])]


def _products(demand: Demand, categories: Rolling, rule: ForecastRule) -> Outlook:
    """Products without intervals: a share of a category's forecast predicts nothing about the product itself."""
    shares = product_shares(demand, int(categories.origins[0]), rule.recent_days)
    sold = np.flatnonzero(shares)
    mean = shares[sold, None] * categories.forecast[0][demand.category_of[sold]]
    names = [demand.products.names[at] for at in sold]
    return Outlook(PRODUCT_SHARE, CATEGORY_SHARE, names, mean, np.full((len(ENDS), *mean.shape), np.nan))
