"""The median and its absolute deviation, as a measure of what is usual."""

import pytest

from olist_assets.checks.robust import is_usual, spread


def test_spread_is_that_of_a_normal_distribution_and_one_outlier_moves_it_little():
    assert spread([1, 2, 3, 4, 5]) == pytest.approx(1.4826)
    assert spread([1, 2, 3, 4, 500]) == pytest.approx(1.4826)


def test_a_value_is_usual_within_the_deviations_or_the_minimum_difference():
    assert is_usual(10, [3, 4, 5], 1, 5)
    assert not is_usual(12, [3, 4, 5], 1, 5)
    assert is_usual(4.9, [4, 4, 4], 1, 5)
    assert not is_usual(5.1, [4, 4, 4], 1, 5)
