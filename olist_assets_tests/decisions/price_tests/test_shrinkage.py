"""Shrinkage: the published formula, its limits, and groups without an estimate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olist_assets.decisions.price_tests.shrinkage import shrunk


def test_variance_between_groups_is_the_moment_estimate_of_dersimonian_and_laird():
    # By hand: weights 4 and 1, fixed mean 0.4, Q = 4 * 0.16 + 2.56 = 3.2, C = 5 - 17 / 5 = 1.6, (3.2 - 1) / 1.6.
    found = shrunk(np.array([0.0, 2.0]), np.array([0.5, 1.0]))
    assert found is not None
    assert found.between_variance == pytest.approx(1.375)
    weights = 1 / (np.array([0.25, 1.0]) + 1.375)
    assert found.mean == pytest.approx(2 * weights[1] / weights.sum())
    assert found.estimate == pytest.approx(found.mean + 1.375 * weights * (np.array([0.0, 2.0]) - found.mean))


def test_equal_groups_share_one_estimate():
    found = shrunk(np.array([-1.5, -1.5, -1.5]), np.array([0.3, 0.4, 0.5]))
    assert found is not None
    assert found.between_variance == 0
    assert found.estimate == pytest.approx([-1.5] * 3)


def test_a_group_without_an_estimate_has_the_mean_and_the_largest_error():
    found = shrunk(np.array([-3.0, 0.0, np.nan]), np.array([0.3, 0.3, np.nan]))
    assert found is not None
    assert found.estimate[2] == pytest.approx(found.mean)
    assert found.standard_error[2] == found.standard_error.max()
    assert shrunk(np.array([np.nan]), np.array([np.nan])) is None


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 5)), min_size=1, max_size=8))
def test_a_shrunk_estimate_lies_between_its_own_and_the_mean_and_is_no_less_sure(groups):
    estimate, error = (np.array(part) for part in zip(*groups, strict=True))
    found = shrunk(estimate, error)
    assert found is not None
    low, high = np.minimum(estimate, found.mean), np.maximum(estimate, found.mean)
    assert np.all((found.estimate >= low - 1e-9) & (found.estimate <= high + 1e-9))
    assert np.all(found.standard_error <= error + 1e-9)
