"""Whether a price tells more of the units of later weeks than no price at all."""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.price_tests.poisson import Array
from olist_assets.decisions.price_tests.weeks import Weeks, fit_weeks


@dataclass(frozen=True)
class Window:
    """A month that is predicted from all earlier ones, per offer in it.

    `with_price` and `without_price` (offers,) are sums of Poisson deviance over the offer's weeks, `weeks` and `units`
    their numbers.
    """

    month: int
    offer: Array
    with_price: Array
    without_price: Array
    weeks: Array
    units: Array


def window(weeks: Weeks, month: int) -> Window | None:
    """The deviances of a month; None if no offer in it had a sale between two others before.

    Neither model knows the demand of a category in the month, so both are given its total and divide it among the
    offers: the comparison is about prices alone.
    """
    train = weeks.inner(until=month)
    test = weeks.inner() & (weeks.month == month)
    price = weeks.log_price[:, None]
    indexes = [_index(weeks, train, x) for x in (price, price[:, :0])]
    # Both models know the same offers.
    test &= ~np.isnan(indexes[0])
    if not test.any():
        return None
    category, units = weeks.category[test], weeks.units[test].astype(float)
    offer, of_row = np.unique(weeks.offer[test], return_inverse=True)
    with_price, without_price = (
        np.bincount(of_row, deviance(units, divided(np.exp(index[test]), category, units))) for index in indexes
    )
    counts = np.bincount(of_row), np.bincount(of_row, units).astype(int)
    return Window(month, offer, with_price, without_price, *counts)


def _index(weeks: Weeks, train: Array, x: Array) -> Array:
    """The logs of expected units of all rows, up to the level of category and month; NaN for unknown offers."""
    found = fit_weeks(weeks, train, x)
    index = np.full(len(weeks.offer), np.nan)
    if found is None or np.isnan(found.fit.estimate).any():
        return index
    effect = found.fit.offer_effect
    is_known = weeks.offer < len(effect)
    index[is_known] = effect[weeks.offer[is_known]] + x[is_known] @ found.fit.estimate[0]
    return index


def divided(weight: Array, category: Array, units: Array) -> Array:
    """The units of each category, divided among its rows in proportion to a weight."""
    return weight * (np.bincount(category, units) / np.maximum(np.bincount(category, weight), 1e-300))[category]


def deviance(units: Array, expected: Array) -> Array:
    """Poisson's unit deviance (McCullagh and Nelder 1989, Generalized Linear Models, section 2.3)."""
    safe = np.where(units > 0, expected, 1.0)
    return 2 * (np.where(units > 0, units * np.log(np.maximum(units, 1.0) / safe), 0.0) - (units - expected))


@dataclass(frozen=True)
class Comparison:
    """Deviance per week with and without a price, and the relative change, each as (value, low, high)."""

    with_price: tuple[float, float, float]
    without_price: tuple[float, float, float]
    change: tuple[float, float, float]
    change_error: float
    offers: int
    units: int


def compared(windows: list[Window], draws: int, seed: int) -> Comparison:
    """Windows together, with 95 % intervals by a bootstrap over offers (Efron 1979, Annals of Statistics 7)."""
    offers, of_row = np.unique(np.concatenate([w.offer for w in windows]), return_inverse=True)
    sums = [
        np.bincount(of_row, np.concatenate([getattr(w, name) for w in windows]))
        for name in ("with_price", "without_price", "weeks")
    ]
    n = len(offers)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
    drawn = [np.einsum("do,o->d", counts, column) for column in sums]
    ends = [2.5, 97.5]

    def interval(value: float, sample: Array) -> tuple[float, float, float]:
        low, high = np.percentile(sample, ends)
        return float(value), float(low), float(high)

    totals = [column.sum() for column in sums]
    # A draw without a row that sold has no deviance to compare.
    change = np.divide(drawn[0], drawn[1], out=np.ones(draws), where=drawn[1] > 0) - 1
    return Comparison(
        interval(totals[0] / totals[2], drawn[0] / drawn[2]),
        interval(totals[1] / totals[2], drawn[1] / drawn[2]),
        interval(totals[0] / totals[1] - 1 if totals[1] > 0 else 0.0, change),
        float(np.std(change)),
        n,
        sum(int(w.units.sum()) for w in windows),
    )
