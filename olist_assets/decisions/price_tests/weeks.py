"""The weeks of all offers as arrays, and which of them say something of a price."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from olist_assets.decisions.price_tests.poisson import Array, Cells, Fit, fit

ALL_MONTHS = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Weeks:
    """One row per offer and week, sorted by category, offer and week.

    All are arrays of shape (rows,). `offer` and `category` are numbers from 0 in this order, `month` (of the week's
    Monday) and `week` numbers that rise by one; `log_price` is the log of the price in BRL known before the week, NaN
    in the first one, `log_price_ahead` and `log_price_ago` of the prices four weeks later and earlier, NaN where the
    panel has none.
    """

    offer: Array
    category: Array
    month: Array
    week: Array
    units: Array
    log_price: Array
    log_price_ahead: Array
    log_price_ago: Array

    @cached_property
    def starts(self) -> Array:
        """The first row of each offer."""
        return np.flatnonzero(np.diff(self.offer, prepend=-1))

    def inner(self, until: int = ALL_MONTHS) -> Array:
        """Mask of the weeks between the first and the last sale of an offer, as seen when month `until` begins.

        Both ends are there because of a sale, so neither can count as demand at a price. Given them, the sales between
        are as they would be without looking: those of one week tell nothing of another in a Poisson process.
        """
        sold = np.where((self.units > 0) & (self.month < until), self.week, -1)
        last_sale = np.maximum.reduceat(sold, self.starts)[self.offer]
        return (self.month < until) & (self.week < last_sale) & ~np.isnan(self.log_price)

    def cells(self, kept: Array, x: Array) -> tuple[Cells, Array]:
        """Informative cells of the rows of a mask, and their regressors; rows without a regressor are left out."""
        kept = kept & ~np.isnan(x).any(axis=1)
        offer, month, x = self.offer[kept], self.month[kept], x[kept]
        if not len(offer):
            return Cells(offer, offer, offer, offer, offer), x
        changes = (np.diff(offer, prepend=-1) != 0) | (np.diff(month, prepend=-1) != 0)
        changes[1:] |= (np.diff(x, axis=0) != 0).any(axis=1)
        first = np.flatnonzero(changes)
        cells = Cells(
            offer=offer[first],
            category=self.category[kept][first],
            month=month[first],
            units=np.add.reduceat(self.units[kept].astype(float), first),
            weeks=np.diff(first, append=len(offer)).astype(float),
        )
        informative = cells.informative()
        return cells.where(informative), x[first][informative]


@dataclass(frozen=True)
class Fitted:
    """A fit, and the offers and units that it rests on, in all (one row) or per category."""

    fit: Fit
    offers: Array
    units: Array


def fit_weeks(weeks: Weeks, kept: Array, x: Array, *, by_category: bool = False) -> Fitted | None:
    """The fit of the rows of a mask with regressors `x` (rows, k); None if they hold no informative cell."""
    cells, x = weeks.cells(kept, x)
    if not len(cells.units):
        return None
    found = fit(cells, x, by_category=by_category)
    group = cells.category if by_category else np.zeros_like(cells.category)
    first = np.diff(cells.offer, prepend=-1) != 0
    offers = np.bincount(group, first).astype(int)
    return Fitted(found, offers, np.bincount(group, cells.units).astype(int))
