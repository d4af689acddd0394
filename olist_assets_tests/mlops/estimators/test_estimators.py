"""What both flavours promise: the columns of a score, the same model from the same rows, weights and silhouette."""

import numpy as np
import pytest
from mlflow.models import Model as StoredModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import silhouette_score

from olist_assets.mlops.estimators.interface import Estimator, FittedModel

pytestmark = pytest.mark.engines
FEATURES, MAY_BE_MISSING = ("x", "y"), ("y",)
CLASSIFIERS = ("forest", "regression")


@pytest.fixture(scope="module")
def untrained(estimators) -> dict[str, Estimator]:
    return {
        "forest": estimators.random_forest(FEATURES, MAY_BE_MISSING, label="label", trees=10, depth=3, seed=1),
        "regression": estimators.logistic_regression(
            FEATURES, MAY_BE_MISSING, label="label", iterations=50, regularization=0.01
        ),
        "clusters": estimators.kmeans(("x",), clusters=2, seed=1),
    }


@pytest.fixture(scope="module")
def fitted(untrained, rows) -> dict[str, FittedModel]:
    return {name: estimator.fit(rows) for name, estimator in untrained.items()}


def results(model: FittedModel, frame: DataFrame) -> dict[str, tuple]:
    """Everything that a score adds to a row, by its key."""
    scored = model.score(frame)
    added = [name for name in scored.columns if name not in frame.columns]
    return {row.key: tuple(row[name] for name in added) for row in scored.collect()}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_keeps_the_columns_and_adds_probability_and_prediction(fitted, rows, name):
    scored = fitted[name].score(rows)
    assert scored.dtypes == [*rows.dtypes, ("probability", "double"), ("prediction", "int")]
    found = scored.collect()
    assert scored.select(*rows.columns).orderBy("key").collect() == rows.orderBy("key").collect()
    assert all(row.prediction == (row.probability > 0.5) for row in found)
    assert np.mean([row.prediction == row.label for row in found]) > 0.85


def test_clusters_keep_the_columns_and_add_standardized_features_and_the_nearest_center(fitted, rows):
    scored = fitted["clusters"].score(rows)
    assert scored.dtypes == [*rows.dtypes, ("features", "array<double>"), ("prediction", "int")]
    found = scored.collect()
    scaled = np.array([row.features for row in found])
    assert (scaled.mean(), scaled.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1, rel=0.01))
    distances = np.abs(scaled - np.concatenate(fitted["clusters"].cluster_centers()))
    assert [row.prediction for row in found] == distances.argmin(axis=1).tolist()


@pytest.mark.parametrize("name", [*CLASSIFIERS, "clusters"])
def test_no_rows_have_no_scores(fitted, rows, name):
    scored = fitted[name].score(rows.where("x > 2"))
    assert scored.collect() == []
    assert scored.dtypes == fitted[name].score(rows).dtypes


@pytest.mark.parametrize("name", [*CLASSIFIERS, "clusters"])
def test_the_same_rows_give_the_same_model_however_they_are_partitioned(estimators, untrained, rows, name):
    found = []
    for partitions in (1, 3):
        shuffled = rows.orderBy(F.xxhash64("key", F.lit(partitions))).repartition(partitions)
        with estimators.in_fixed_order(shuffled, "key") as laid_out:
            found.append(results(untrained[name].fit(laid_out), rows))
    assert len(found[0]) == 300
    assert found[0] == found[1]


@pytest.mark.parametrize("name", [*CLASSIFIERS, "clusters"])
def test_a_model_that_was_stored_scores_as_before(estimators, fitted, rows, settings, tmp_path, name):
    before = fitted[name]
    before.save(tmp_path, StoredModel(), settings)
    after = estimators.load(tmp_path, settings)
    assert after.features == before.features
    assert results(after, rows) == results(before, rows)


def test_weights_of_features_say_which_one_decides(fitted):
    importances, sizes = fitted["forest"].feature_importances(), fitted["regression"].coefficient_sizes()
    assert (sum(importances.values()), tuple(importances), tuple(sizes)) == (pytest.approx(1), FEATURES, FEATURES)
    assert importances["x"] > 0.5
    assert sizes["x"] > sizes["y"] >= 0


def test_a_stronger_penalty_gives_smaller_coefficients_of_the_same_size_in_both_flavours(estimators, rows):
    sizes = {
        penalty: estimators.logistic_regression(
            FEATURES, MAY_BE_MISSING, label="label", iterations=100, regularization=penalty
        )
        .fit(rows)
        .coefficient_sizes()["x"]
        for penalty in (0.0, 0.1, 1.0)
    }
    assert sizes == pytest.approx({0.0: 2.448, 0.1: 1.163, 1.0: 0.2895}, rel=0.005)


def test_a_regression_that_saw_one_label_alone_is_sure_of_it(estimators, rows):
    regression = estimators.logistic_regression(
        FEATURES, MAY_BE_MISSING, label="label", iterations=10, regularization=0.0
    )
    for label in (0, 1):
        model = regression.fit(rows.withColumn("label", F.lit(label)))
        assert {value[0] for value in results(model, rows).values()} == {float(label)}
        assert model.coefficient_sizes() == {"x": 0.0, "y": 0.0}


def test_the_silhouette_is_that_of_scikit_learn(estimators, fitted, rows):
    scored = fitted["clusters"].score(rows)
    found = scored.collect()
    expected = silhouette_score(
        np.array([row.features for row in found]), [row.prediction for row in found], metric="sqeuclidean"
    )
    assert estimators.silhouette(scored) == pytest.approx(expected)
