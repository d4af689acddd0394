"""Lists are the first different candidates of each row."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from olist_assets.decisions.recommendations.ranking import NONE, at, first_distinct, of, slices

MATRICES = arrays(np.int64, array_shapes(min_dims=2, max_dims=2), elements=st.integers(NONE, 4))


@given(candidates=MATRICES, k=st.integers(1, 6), excluded=st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_a_list_is_what_a_loop_over_its_row_finds(candidates, k, excluded):
    columns = first_distinct(candidates, k, excluded=np.full(len(candidates), excluded))
    for row, found in zip(candidates, at(candidates, columns, NONE), strict=True):
        expected = list(dict.fromkeys(int(value) for value in row if value not in (NONE, excluded)))[:k]
        assert found.tolist() == expected + [NONE] * (k - len(expected))


def test_a_group_gives_its_first_positions_and_a_missing_one_none():
    places = slices(np.array([2, 2, 2, 5]), np.array([5, 2, 3]), width=2)
    assert places.tolist() == [[3, NONE], [0, 1], [NONE, NONE]]


def test_values_at_no_place_are_the_missing_one():
    assert of(np.array([7, 8]), np.array([[1, NONE]]), 0).tolist() == [[8, 0]]
    assert of(np.zeros(0), np.array([NONE]), 0).tolist() == [0.0]
