"""Ranked candidates as matrices: one row per question, the best candidate first, NONE where there is none."""

import numpy as np

from olist_assets.decisions.recommendations.sales import Bools, Ints

NONE = -1


def first_distinct(candidates: Ints, k: int, excluded: Ints | None = None) -> Ints:
    """The columns of the first `k` different candidates of each row (rows x k), NONE where there are fewer.

    `excluded` has one candidate per row that does not count.
    """
    is_kept = (candidates != NONE) & ~is_repeated(candidates)
    if excluded is not None:
        is_kept &= candidates != excluded[:, None]
    place = np.cumsum(is_kept, axis=1) - 1
    rows, columns = np.nonzero(is_kept & (place < k))
    found = np.full((len(candidates), k), NONE, np.int64)
    found[rows, place[rows, columns]] = columns
    return found


def is_repeated(candidates: Ints) -> Bools:
    """Whether a candidate occurs further left in its row."""
    by_value = np.argsort(candidates, axis=1, kind="stable")
    ordered = np.take_along_axis(candidates, by_value, axis=1)
    same = np.zeros(candidates.shape, bool)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeated = np.empty_like(same)
    np.put_along_axis(repeated, by_value, same, axis=1)
    return repeated


def at(values: np.ndarray, columns: Ints, missing: float) -> np.ndarray:
    """The values at these columns of each row, `missing` where a column is NONE."""
    taken = np.take_along_axis(values, np.maximum(columns, 0), axis=1)
    return np.where(columns == NONE, missing, taken).astype(values.dtype)


def of(values: np.ndarray, places: Ints, missing: float) -> np.ndarray:
    """The values at these places, `missing` where a place is NONE."""
    return np.append(values, np.asarray(missing, values.dtype))[places]


def slices(groups: Ints, asked: Ints, width: int) -> Ints:
    """The first `width` positions of each asked group in the sorted `groups` (asked x width), NONE after its end."""
    first, end = np.searchsorted(groups, asked), np.searchsorted(groups, asked, side="right")
    positions = first[:, None] + np.arange(width)
    return np.where(positions < end[:, None], positions, NONE)
