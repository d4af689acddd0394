"""Demand: units of items by day of purchase, whatever the order's status, as one array per level."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from olist_assets.decisions.demand.rule import CATEGORY, CATEGORY_STATE, STATE, TOTAL, WEEK
from olist_assets.lakehouse.arrow_sql import query

# An order may be missing, or its customer: such items have no day or state.
SOLD = """
SELECT order_date AS day, customer_state AS state, product_category_name_english AS category, product_id AS product,
    count(*) AS units
FROM silver_order_items JOIN silver_purchases USING (order_id) JOIN silver_customers USING (customer_id)
GROUP BY ALL ORDER BY ALL
"""
MONTH = 28
# A day with less than this share of the usual units is incomplete, if it is one of the last days.
COMPLETE_SHARE = 0.5


@dataclass(frozen=True)
class Series:
    """Daily units of several series: `units` is (series, days), in the order of `names`."""

    names: tuple[str, ...]
    units: np.ndarray


@dataclass(frozen=True)
class Demand:
    """Daily units of each level from the day `first` on, without days at the end that are incomplete."""

    first: date
    levels: Mapping[str, Series]
    products: Series
    category_of: np.ndarray
    """Index of each product's category in the level `category`."""

    @property
    def days(self) -> int:
        return self.products.units.shape[1]

    def day(self, at: int) -> date:
        return self.first + timedelta(days=at)

    def weekdays(self, days: int) -> np.ndarray:
        """Weekday of each of the first `days` days, 0 = Monday; they may go on after the last one."""
        return (self.first.weekday() + np.arange(days)) % WEEK


def demand(silver_order_items: pa.Table, silver_purchases: pa.Table, silver_customers: pa.Table) -> Demand:
    """Units per day of all items, by state, category, both, and product; no days if there are no items."""
    sold = query(
        SOLD,
        silver_order_items=silver_order_items,
        silver_purchases=silver_purchases,
        silver_customers=silver_customers,
    )
    ordinals = sold["day"].cast(pa.int32()).to_numpy()
    if not len(ordinals):
        empty = Series((), np.zeros((0, 0)))
        return Demand(
            date(1970, 1, 1), dict.fromkeys((TOTAL, STATE, CATEGORY, CATEGORY_STATE), empty), empty, np.zeros(0, int)
        )
    day = ordinals - ordinals[0]
    start, stop = complete_span(np.bincount(day, sold["units"].to_numpy()))
    sold, day = sold.filter(pa.array((day >= start) & (day < stop))), day[(day >= start) & (day < stop)] - start
    both = pc.binary_join_element_wise(sold["category"], sold["state"], "/")  # pyright: ignore[reportAttributeAccessIssue]
    everything = pa.chunked_array([pa.repeat(TOTAL, len(day))])
    keys = {TOTAL: everything, STATE: sold["state"], CATEGORY: sold["category"], CATEGORY_STATE: both}
    units = sold["units"].to_numpy()
    found = {level: _series(key, day, units, stop - start) for level, key in keys.items()}
    products = _series(sold["product"], day, units, stop - start)
    category_of = np.zeros(len(products.names), int)
    category_of[_index(sold["product"], products.names)] = _index(sold["category"], found[CATEGORY].names)
    first = date(1970, 1, 1) + timedelta(days=int(ordinals[0]) + start)
    return Demand(first, found, products, category_of)


def complete_span(totals: np.ndarray) -> tuple[int, int]:
    """First day, and day after the last one, of the history in `totals`, units per day.

    Of the stretches that pauses of more than 28 days divide, it is the one with the most units, up to its last day that
    has half of the median of the four same weekdays before it: exports and streams end within a day, the published
    orders fade out over a week, and both leave single orders behind.
    """
    sold = np.flatnonzero(totals)
    stretches = np.split(sold, np.flatnonzero(np.diff(sold) > MONTH) + 1)
    best = max(stretches, key=lambda days: totals[days].sum())
    start = int(best[0])
    for at in best[::-1]:
        same_weekday = totals[np.arange(at - WEEK, max(at - MONTH - 1, start - 1), -WEEK)]
        if not len(same_weekday) or totals[at] >= COMPLETE_SHARE * np.median(same_weekday):
            return start, int(at) + 1
    return start, start


def _series(key: pa.ChunkedArray, day: np.ndarray, units: np.ndarray, days: int) -> Series:
    names = tuple(sorted(key.unique().to_pylist()))
    cells = _index(key, names) * days + day
    counted = np.bincount(cells, units, minlength=len(names) * days)
    return Series(names, counted.reshape(len(names), days))


def _index(key: pa.ChunkedArray, names: tuple[str, ...]) -> np.ndarray:
    return pc.index_in(key, value_set=pa.array(names)).to_numpy()  # pyright: ignore[reportAttributeAccessIssue]
