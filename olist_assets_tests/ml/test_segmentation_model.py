"""Segments: their numbers and names come from the centers of the clusters. Without an engine."""

from typing import Any

import numpy as np
import pytest

from olist_assets.ml.segmentation_model import Segment, segments, sweep


def model(centers: list[list[float]]) -> Any:
    class Clusters:
        def cluster_centers(self) -> list[list[float]]:
            return centers

    return Clusters()


def test_segments_with_the_same_name_are_numbered():
    found = segments(model([[2.0, 0.0, 0.5], [3.0, 0.0, 0.1], [0.0, 0.0, -1.0]]))
    assert found == {
        2: Segment(0, "Small Spenders", (0.0, 0.0, -1.0)),
        1: Segment(1, "Lapsed", (3.0, 0.0, 0.1)),
        0: Segment(2, "Lapsed 2", (2.0, 0.0, 0.5)),
    }


@pytest.mark.parametrize(
    ("center", "label"),
    [
        ([1.0, 0.0, 0.0], "Lapsed"),
        ([-1.0, 0.0, 0.5], "Recent"),
        ([0.0, 2.0, 1.0], "Repeat Buyers"),
        ([0.5, -2.0, 1.0], "One-Time Buyers"),
        ([0.0, 0.0, 1.0], "Big Spenders"),
        ([0.0, 0.5, -1.0], "Small Spenders"),
    ],
)
def test_a_segment_is_named_by_the_feature_furthest_from_the_mean(center, label):
    assert segments(model([center]))[0].label == label


def test_the_sweep_finds_the_clusters_that_are_there():
    chance = np.random.default_rng(7)
    centers = np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    rows = np.repeat(centers, 30, axis=0) + chance.normal(0, 0.1, (90, 3))
    costs, silhouettes = sweep(rows, [2, 3, 4], seed=42)
    assert costs == sorted(costs, reverse=True)
    assert int(np.argmax(silhouettes)) == 1
    assert (costs, silhouettes) == sweep(rows, [2, 3, 4], seed=42)


def test_the_silhouette_of_equal_customers_is_zero():
    with pytest.warns(match="distinct clusters"):
        costs, silhouettes = sweep(np.zeros((5, 3)), [2], seed=42)
    assert (costs, silhouettes) == ([0.0], [0.0])
