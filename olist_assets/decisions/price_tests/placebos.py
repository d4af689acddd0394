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
    """Estimates (permutations,) after offers have exchanged their price paths, and the offers and units in the fits."""

    estimates: Array
    offers: int
    units: int


def permuted_paths(weeks: Weeks, permutations: int, seed: int) -> Permuted | None:
    """Estimates with the price path of another offer, repeated or cut to the length of an offer's own.

    Only offers whose price has moved take part: the others have no path to give.
    """
    kept = weeks.inner()
    highest, lowest = (
        extreme.reduceat(np.where(kept, weeks.log_price, otherwise), weeks.starts)
        for extreme, otherwise in ((np.maximum, -np.inf), (np.minimum, np.inf))
    )
    rows = np.flatnonzero(kept & (highest > lowest)[weeks.offer])
    if not len(rows):
        return None
    starts = np.flatnonzero(np.diff(weeks.offer[rows], prepend=-1))
    lengths = np.diff(starts, append=len(rows))
    of_row = np.repeat(np.arange(len(starts)), lengths)
    at = np.arange(len(rows)) - starts[of_row]
    price = weeks.log_price[rows]
    rng = np.random.default_rng(seed)
    estimates, last = [], None
    for _ in range(permutations):
        donor = rng.permutation(len(starts))[of_row]
        x = np.full((len(kept), 1), np.nan)
        x[rows, 0] = price[starts[donor] + at % lengths[donor]]
        last = fit_weeks(weeks, kept, x)
        if last is not None:
            estimates.append(last.fit.estimate[0, 0])
    return Permuted(np.array(estimates), int(last.offers[0]), int(last.units[0])) if last is not None else None
