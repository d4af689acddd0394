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
    """Estimates with the price path of another offer, repeated or cut to the length of an offer's own."""
    kept = np.flatnonzero(weeks.inner())
    starts = np.flatnonzero(np.diff(weeks.offer[kept], prepend=-1))
    if not len(starts):
        return None
    lengths = np.diff(starts, append=len(kept))
    price = weeks.log_price[kept]
    changing = np.maximum.reduceat(price, starts) > np.minimum.reduceat(price, starts)
    # Only offers whose price has moved take part: the others have no path to give.
    receivers, donors = starts[changing], np.flatnonzero(changing)
    at = np.arange(len(kept)) - np.repeat(starts, lengths)
    takes = np.repeat(changing, lengths)
    mask = np.zeros(len(weeks.offer), dtype=bool)
    mask[kept] = True
    rng = np.random.default_rng(seed)
    estimates, last = [], None
    for _ in range(permutations):
        drawn = rng.permutation(donors)
        of_row = np.repeat(np.arange(len(receivers)), lengths[changing])
        path = price[starts[drawn][of_row] + at[takes] % lengths[drawn][of_row]]
        x = np.zeros((len(weeks.offer), 1))
        x[kept[takes], 0] = path
        last = fit_weeks(weeks, mask, x)
        if last is not None:
            estimates.append(last.fit.estimate[0, 0])
    return Permuted(np.array(estimates), int(last.offers[0]), int(last.units[0])) if last is not None else None
