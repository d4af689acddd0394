"""Products sell too rarely for a forecast of their own: each gets its recent share of its category's forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.demand.models import mean_28, recent_units, seasonal_naive
from olist_assets.decisions.demand.rolling import evaluated, rolling, weekly_origins
from olist_assets.decisions.demand.rule import CATEGORY, MEAN_28, SEASONAL_NAIVE, EvaluationRule
from olist_assets.decisions.demand.units import Demand


@dataclass(frozen=True)
class ProductOrigin:
    """Forecasts at one origin of all products that sold before or after it: arrays are (products, days)."""

    origin: int
    expected: np.ndarray
    sold: np.ndarray
    baselines: Mapping[str, np.ndarray]


def product_shares(demand: Demand, origin: int, recent_days: int) -> np.ndarray:
    """Each product's share of its category's units in the days before the origin; 0 for all of an idle category."""
    units = recent_units(demand.products.units, np.array([origin]), recent_days)[0]
    of_category = np.bincount(demand.category_of, units, minlength=len(demand.levels[CATEGORY].names))
    return units / np.maximum(of_category, 1)[demand.category_of]


def product_origins(demand: Demand, model: str, rule: EvaluationRule) -> Sequence[ProductOrigin]:
    """Forecasts of products from those of their categories by `model`, at the evaluated origins."""
    origins = weekly_origins(demand.days)
    numbers = evaluated(origins, rule.horizon_days, rule.origins)
    categories = rolling(demand, CATEGORY, model, rule.horizon_days, rule).forecast
    return [_product_origin(demand, int(origins[at]), categories[at], rule) for at in numbers]


def _product_origin(demand: Demand, origin: int, categories: np.ndarray, rule: EvaluationRule) -> ProductOrigin:
    days = rule.horizon_days
    shares = product_shares(demand, origin, rule.recent_days)
    after = demand.products.units[:, origin + 1 : origin + 1 + days]
    seen = np.flatnonzero((shares > 0) | (after.sum(axis=1) > 0))
    # Only the days that the baselines look at: all days of all products would be copied.
    recent = demand.products.units[seen, max(origin - 27, 0) : origin + 1]
    last = np.array([recent.shape[1] - 1])
    baselines = {SEASONAL_NAIVE: seasonal_naive(recent, last, days)[0], MEAN_28: mean_28(recent, last, days)[0]}
    expected = shares[seen, None] * categories[demand.category_of[seen]]
    return ProductOrigin(origin, expected, after[seen], baselines)
