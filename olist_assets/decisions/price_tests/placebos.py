"""Fits in which a price must have no effect: one of another time, or the path of another offer."""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.price_tests.poisson import Array
from olist_assets.decisions.price_tests.weeks import Fitted, Weeks, fit_weeks


def price_ahead(weeks: Weeks) -> Fitted | None:
    """The price before the week and, second, that four weeks later, which no buyer can know.

    An effect of it means that prices follow demand, or that both follow something else.
    """
    return fit_weeks(weeks, weeks.inner(), np.column_stack([weeks.log_price, weeks.log_price_ahead]))


def price_ago(weeks: Weeks) -> Fitted | None:
    """The price before the week and, second, that four weeks earlier.

    A positive effect means that buyers of a cut would have bought later anyway.
    """
    return fit_weeks(weeks, weeks.inner(), np.column_stack([weeks.log_price, weeks.log_price_ago]))


@dataclass(frozen=True)
class Permuted:
    """Estimates (fits,) after offers have exchanged their price paths, and the offers and units in the fits."""

    estimates: Array
    offers: int
    units: int


def permuted_paths(weeks: Weeks, permutations: int, seed: int) -> Permuted | None:
    """Estimates with the price path of another offer, repeated or cut to the length of an offer's own.

    Only offers whose price has moved take part: the others have no path to give. None where there are not two of them,
    or not two estimates, whose spread could be known.
    """
    kept = weeks.inner()
    highest, lowest = (
        extreme.reduceat(np.where(kept, weeks.log_price, otherwise), weeks.starts)
        for extreme, otherwise in ((np.maximum, -np.inf), (np.minimum, np.inf))
    )
    rows = np.flatnonzero(kept & (highest > lowest)[weeks.offer])
    starts = np.flatnonzero(np.diff(weeks.offer[rows], prepend=-1))
    if len(starts) < 2:
        return None
    lengths = np.diff(starts, append=len(rows))
    of_row = np.repeat(np.arange(len(starts)), lengths)
    at = np.arange(len(rows)) - starts[of_row]
    price = weeks.log_price[rows]
    rng = np.random.default_rng(seed)
    found: list[Fitted] = []
    for _ in range(permutations):
        donor = rng.permutation(len(starts))[of_row]
        x = np.full((len(kept), 1), np.nan)
        x[rows, 0] = price[starts[donor] + at % lengths[donor]]
        fitted = fit_weeks(weeks, kept, x)
        # Beside the effects, the prices of a permutation may have no variation of their own.
        if fitted is not None and np.isfinite(fitted.fit.estimate).all():
            found.append(fitted)
    if len(found) < 2:
        return None
    estimates = np.array([fitted.fit.estimate[0, 0] for fitted in found])
    return Permuted(estimates, int(found[-1].offers[0]), int(found[-1].units[0]))
