"""The estimators in scikit-learn: rows come as Arrow from the engine, and scores go back as a Parquet file.

scikit-learn is imported in the functions: a second, which commands about tables do not need.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DoubleType, IntegerType, StructField, StructType

from olist_assets.errors import OlistError
from olist_assets.mlops.estimators import skops_file
from olist_assets.mlops.estimators.interface import Estimators, FittedModel
from olist_assets.mlops.single_thread import single_thread
from olist_assets.private_files import plain_scratch
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.models import Model as StoredModel
    from sklearn.pipeline import Pipeline

PREDICTION = StructField("prediction", IntegerType())
PROBABILITY = StructField("probability", DoubleType())
FEATURES = StructField("features", ArrayType(DoubleType()))


@dataclass(frozen=True)
class ScikitLearnModel(FittedModel):
    """A fitted pipeline of scikit-learn."""

    pipeline: "Pipeline"
    features: tuple[str, ...]
    may_be_missing: tuple[str, ...]

    def score(self, frame: DataFrame) -> DataFrame:
        rows = frame.toArrow()
        values = values_of(rows, self.features, self.may_be_missing)
        if not rows.num_rows:
            # scikit-learn refuses to score no rows: this one is left out again.
            values = np.zeros((1, len(self.features)))
        with single_thread():
            results = self._results(values)
        for field, column in results:
            rows = rows.append_column(field.name, column[: rows.num_rows])
        return as_frame(rows, frame, StructType([*frame.schema.fields, *(field for field, _ in results)]))

    def _results(self, values: np.ndarray) -> list[tuple[StructField, pa.Array]]:
        from sklearn.base import is_classifier

        if is_classifier(self._last_step):
            # A column per label that occurred in the training, which may have been one alone.
            by_label = self.pipeline.predict_proba(values) * (self._last_step.classes_ == 1)
            probability = by_label.sum(axis=1)
            is_likely = pa.array(probability > 0.5).cast(pa.int32())
            return [(PROBABILITY, pa.array(probability)), (PREDICTION, is_likely)]
        scaled = self.pipeline[:-1].transform(values)
        at = pa.FixedSizeListArray.from_arrays(pa.array(np.ravel(scaled)), len(self.features))
        clusters = pa.array(self._last_step.predict(scaled), pa.int32())
        return [(FEATURES, at.cast(pa.list_(pa.float64()))), (PREDICTION, clusters)]

    def feature_importances(self) -> dict[str, float]:
        return self._by_feature(self._last_step.feature_importances_)

    def coefficient_sizes(self) -> dict[str, float]:
        # A regression that saw one label alone is a constant.
        return self._by_feature(np.abs(np.ravel(getattr(self._last_step, "coef_", np.zeros(len(self.features))))))

    def _by_feature(self, values: np.ndarray) -> dict[str, float]:
        return dict(zip(self.features, map(float, values), strict=True))

    def cluster_centers(self) -> list[np.ndarray]:
        return list(self._last_step.cluster_centers_)

    def save(self, folder: Path, stored: "StoredModel", settings: Settings) -> None:  # noqa: ARG002
        from sklearn import __version__ as version

        fields = {"features": list(self.features), "may_be_missing": list(self.may_be_missing)}
        skops_file.write(folder / skops_file.FILE, {"pipeline": self.pipeline, **fields})
        stored.add_flavor("skops", model_data=skops_file.FILE, sklearn_version=version)

    @property
    def _last_step(self) -> Any:
        """The fitted estimator at the end of the pipeline, of whatever kind it is."""
        return self.pipeline[-1]


@dataclass(frozen=True)
class ScikitLearnEstimator:
    """Features and the last step of a pipeline, which may depend on the labels."""

    features: tuple[str, ...]
    may_be_missing: tuple[str, ...]
    label: str | None
    is_scaled: bool
    last_step: Callable[[np.ndarray], Any]

    def fit(self, frame: DataFrame) -> ScikitLearnModel:
        """Fit the rows in the order of their values, so that the order in which they come does not matter."""
        from joblib import parallel_config
        from sklearn.pipeline import Pipeline

        rows = frame.select(*self.features, *([self.label] if self.label else [])).toArrow()
        values = values_of(rows, self.features, self.may_be_missing)
        labels = rows[self.label].to_numpy() if self.label else np.zeros(len(values))
        order = np.lexsort([labels, *values.T])
        # Trees may grow at the same time: each has a seed of its own. Their votes are added by one thread, in `score`.
        with single_thread(), parallel_config("threading", n_jobs=-1):
            pipeline = Pipeline([*self._preparation(), ("model", self.last_step(labels))])
            return ScikitLearnModel(pipeline.fit(values[order], labels[order]), self.features, self.may_be_missing)

    def _preparation(self) -> Iterator[tuple[str, Any]]:
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler

        if self.may_be_missing:
            yield "medians", SimpleImputer(strategy="median", keep_empty_features=True)
        if self.is_scaled:
            yield "scaling", StandardScaler()


class ScikitLearnEstimators(Estimators):
    """Random forest, logistic regression and k-means of scikit-learn."""

    libraries = ("sklearn.ensemble", "sklearn.linear_model", "skops.io")

    @contextmanager
    def in_fixed_order(self, frame: DataFrame, key: str) -> Iterator[DataFrame]:
        """The rows by their key, computed once and held in a file; `fit` orders those that it gets by itself."""
        yield as_frame(frame.toArrow().sort_by(key), frame, frame.schema)

    def random_forest(
        self,
        features: tuple[str, ...],
        may_be_missing: tuple[str, ...],
        *,
        label: str,
        trees: int,
        depth: int,
        seed: int,
        scaled: bool = False,
    ) -> ScikitLearnEstimator:
        def forest(labels: np.ndarray) -> Any:  # noqa: ARG001
            from sklearn.ensemble import RandomForestClassifier

            return RandomForestClassifier(trees, max_depth=depth, random_state=seed)

        return ScikitLearnEstimator(features, may_be_missing, label, scaled, forest)

    def logistic_regression(
        self,
        features: tuple[str, ...],
        may_be_missing: tuple[str, ...],
        *,
        label: str,
        iterations: int,
        regularization: float,
    ) -> ScikitLearnEstimator:
        def regression(labels: np.ndarray) -> Any:
            from sklearn.dummy import DummyClassifier
            from sklearn.linear_model import LogisticRegression

            if len(np.unique(labels)) == 1:
                # scikit-learn refuses one label alone; Spark ML's model is then a constant too.
                return DummyClassifier()
            # Spark ML adds the penalty to the mean of the losses, scikit-learn to C times their sum.
            inverse = 1 / (regularization * len(labels)) if regularization else np.inf
            return LogisticRegression(C=inverse, max_iter=iterations)

        return ScikitLearnEstimator(features, may_be_missing, label, True, regression)

    def kmeans(self, features: tuple[str, ...], *, clusters: int, seed: int) -> ScikitLearnEstimator:
        def centers(labels: np.ndarray) -> Any:  # noqa: ARG001
            from sklearn.cluster import KMeans

            return KMeans(clusters, random_state=seed)

        return ScikitLearnEstimator(features, (), None, True, centers)

    def silhouette(self, clustered: DataFrame) -> float:
        rows = clustered.select("features", "prediction").toArrow()
        at = rows["features"].combine_chunks()
        values = at.flatten().to_numpy().reshape(rows.num_rows, -1)
        with single_thread():
            return silhouette_of(values, rows["prediction"].to_numpy())

    def load(self, folder: Path, settings: Settings) -> ScikitLearnModel:  # noqa: ARG002
        values = skops_file.values_in(folder / skops_file.FILE)
        return ScikitLearnModel(values["pipeline"], tuple(values["features"]), tuple(values["may_be_missing"]))


def values_of(rows: pa.Table, features: tuple[str, ...], may_be_missing: tuple[str, ...]) -> np.ndarray:
    """The features as doubles, one column each, unknown ones NaN. Raises OlistError if one may not be unknown."""
    columns = {name: rows[name].cast(pa.float64()).to_numpy() for name in features}
    unknown = [name for name in features if name not in may_be_missing and np.isnan(columns[name]).any()]
    if unknown:
        known = ", ".join(may_be_missing) or "no feature"
        raise OlistError(f"{', '.join(unknown)} is unknown in some rows; the model replaces {known} only.")
    return np.column_stack(list(columns.values()))


def as_frame(rows: pa.Table, like: DataFrame, schema: StructType) -> DataFrame:
    """Rows as a frame of the same session.

    As a file: a frame made from rows is sent with each query, and may have 128 MB at most (gRPC's limit).
    """
    path = plain_scratch() / f"{uuid.uuid4().hex}.parquet"
    parquet.write_table(rows, path)
    return like.sparkSession.read.schema(schema).parquet(str(path))


def silhouette_of(values: np.ndarray, clusters: np.ndarray) -> float:
    """Mean silhouette by squared Euclidean distance, from one pass over the clusters' sums; 0 for one cluster alone.

    The sum of a row's squared distances to a cluster of n rows is n |x|^2 + sum |y|^2 - 2 x * sum y: see Spark's
    `SquaredEuclideanSilhouette`,
    https://github.com/apache/spark/blob/v4.0.0/mllib/src/main/scala/org/apache/spark/ml/evaluation/ClusteringMetrics.scala
    """
    own, sizes = np.unique(clusters, return_inverse=True, return_counts=True)[1:]
    if len(sizes) < 2:
        return 0.0
    members = np.eye(len(sizes))[own]
    squares = (values**2).sum(axis=1)
    totals = sizes * squares[:, None] + members.T @ squares - 2 * values @ (members.T @ values).T
    at = np.arange(len(values))
    within = totals[at, own] / np.maximum(sizes[own] - 1, 1)
    means = totals / sizes
    means[at, own] = np.inf
    nearest = means.min(axis=1)
    widest = np.maximum(within, nearest)
    silhouettes = np.divide(nearest - within, widest, out=np.zeros(len(values)), where=(sizes[own] > 1) & (widest > 0))
    return float(silhouettes.mean())
