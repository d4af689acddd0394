"""The scikit-learn flavour alone: unknown values, the silhouette in one pass, and many rows."""

import ast

import numpy as np
import pytest
from pyspark.sql import functions as F
from sklearn.metrics import silhouette_score

from olist_assets.errors import OlistError
from olist_assets.mlops.estimators.scikit_learn import ScikitLearnEstimators, silhouette_of
from olist_assets_tests.laws.source_code import FILES, tree

ESTIMATORS = ScikitLearnEstimators()


@pytest.fixture
def forest(rows):
    return ESTIMATORS.random_forest(("x", "y"), ("y",), label="label", trees=3, depth=2, seed=1).fit(rows)


def test_an_unknown_value_of_a_feature_that_has_no_median_is_refused(forest, rows):
    unknown = rows.selectExpr("key", "if(key = 'c0007', NULL, x) AS x", "y")
    with pytest.raises(OlistError, match=r"^x is unknown in some rows; the model replaces y only"):
        forest.score(unknown)


def test_a_model_does_not_depend_on_the_order_of_its_rows(rows):
    untrained = ESTIMATORS.random_forest(("x", "y"), ("y",), label="label", trees=5, depth=4, seed=1)
    by_key, reversed_rows, shuffled = (
        [row.probability for row in untrained.fit(rows.orderBy(*order)).score(rows).orderBy("key").collect()]
        for order in ([F.asc("key")], [F.desc("key")], [F.xxhash64("key")])
    )
    assert len(set(by_key)) > 5
    assert by_key == reversed_rows == shuffled


@pytest.mark.parametrize("clusters", [2, 5])
def test_the_silhouette_in_one_pass_is_that_of_all_pairs(clusters):
    chance = np.random.default_rng(7)
    values, labels = chance.normal(size=(200, 3)), chance.integers(0, clusters, 200)
    labels[labels == clusters - 1] = 0
    labels[0] = clusters - 1  # a cluster of one row, whose silhouette is 0
    expected = silhouette_score(values, labels, metric="sqeuclidean")
    assert silhouette_of(values, labels) == pytest.approx(expected)


def test_the_silhouette_of_one_cluster_and_of_equal_rows_is_zero():
    assert silhouette_of(np.ones((4, 2)), np.zeros(4, dtype=int)) == 0.0
    assert silhouette_of(np.ones((4, 2)), np.array([0, 0, 1, 1])) == 0.0


def test_more_rows_than_one_message_can_hold_are_scored(forest, spark):
    # 128 MB is gRPC's limit of a message; a text of 300 letters makes 500,000 rows larger.
    many = spark.range(500_000).selectExpr("repeat('x', 300) AS text", "rand(1) AS x", "1.0D AS y")
    assert forest.score(many).where("probability BETWEEN 0 AND 1").count() == 500_000


def test_no_model_is_loaded_by_mlflow_or_pickle():
    used = {
        f"{file}: {name}"
        for file in FILES
        for node in ast.walk(tree(file))
        for name in [getattr(node, "attr", None) or getattr(node, "name", None) or getattr(node, "value", None)]
        if name in {"load_model", "pickle", "joblib", "cloudpickle", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"}
    }
    assert used == set()
