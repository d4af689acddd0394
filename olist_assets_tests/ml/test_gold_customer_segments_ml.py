"""The segment of each customer: by value, by what stands out, and the same for other seeds."""

from collections.abc import Callable

import pytest

from olist_assets.ml.gold_customer_segments_ml import GOLD_CUSTOMER_SEGMENTS_ML, gold_customer_segments_ml
from olist_assets.ml.segmentation_model import FEATURES, segments
from olist_assets.mlops.registry import Champion
from olist_assets.mlops.training_rows import buyers
from olist_assets_tests.ml.conftest import KEY

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def clusters(estimators, customers) -> Callable[[int], Champion]:
    def fit(seed: int) -> Champion:
        with estimators.in_fixed_order(buyers(customers, KEY, FEATURES), KEY) as laid_out:
            return Champion(1, estimators.kmeans(FEATURES, clusters=3, seed=seed).fit(laid_out))

    return fit


def test_segments_are_numbered_by_value_and_named_by_what_stands_out(customers, clusters):
    segmented = gold_customer_segments_ml(customers, clusters(42))
    assert tuple(segmented.columns) == GOLD_CUSTOMER_SEGMENTS_ML.column_names
    rows = segmented.collect()
    assert len(rows) == 300
    found = {(row.ml_segment, row.segment_label) for row in rows}
    assert found == {(0, "Recent"), (1, "Repeat Buyers"), (2, "Big Spenders")}
    assert {row.segment_label for row in rows if row.frequency == 4} == {"Repeat Buyers"}


def test_another_seed_numbers_clusters_differently_but_names_segments_the_same(customers, clusters):
    numbers, named = set(), set()
    for seed in (1, 3, 4):
        champion = clusters(seed)
        found = segments(champion.fitted)
        numbers.add(tuple(found[cluster].label for cluster in sorted(found)))
        rows = gold_customer_segments_ml(customers, champion).collect()
        named.add(frozenset((row[0], row.ml_segment, row.segment_label) for row in rows))
    assert len(numbers) == 3
    assert len(named) == 1


def test_the_distance_is_to_the_nearest_center(customers, clusters):
    champion = clusters(42)
    centers = [segment.center for segment in segments(champion.fitted).values()]
    placed = champion.score(buyers(customers, KEY, FEATURES)).collect()
    nearest = {
        row[KEY]: min(sum((a - c) ** 2 for a, c in zip(row.features, center, strict=True)) for center in centers) ** 0.5
        for row in placed
    }
    found = {row[KEY]: row.distance_to_center for row in gold_customer_segments_ml(customers, champion).collect()}
    assert found == pytest.approx(nearest)
