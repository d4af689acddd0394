"""The estimators in Spark ML.

pyspark.ml is imported in the functions: half a second, which commands about tables do not need.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.mlops.estimators import spark_files
from olist_assets.mlops.estimators.interface import Estimators, FittedModel
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.models import Model as StoredModel
    from pyspark.ml import Pipeline, PipelineModel

FEATURES, RAW_FEATURES, IMPUTED = "features", "raw_features", "_known"
# The sum of two partitions does not depend on which is ready first; that of three does, in the last digit.
PARTITIONS = 2


@dataclass(frozen=True)
class SparkModel(FittedModel):
    """A fitted pipeline of Spark ML."""

    pipeline: "PipelineModel"

    @cached_property
    def features(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        from pyspark.ml.feature import VectorAssembler

        assembler = next(stage for stage in self.pipeline.stages if isinstance(stage, VectorAssembler))
        return tuple(name.removesuffix(IMPUTED) for name in assembler.getInputCols())

    def score(self, frame: DataFrame) -> DataFrame:
        from pyspark.ml.functions import vector_to_array

        if self._last_stage.hasParam("probabilityCol"):
            result = vector_to_array(F.col("probability"))[1].alias("probability")
        else:
            result = vector_to_array(F.col(FEATURES)).alias(FEATURES)
        scored = self.pipeline.transform(frame)
        return scored.select(*frame.columns, result, F.col("prediction").cast("int").alias("prediction"))

    def feature_importances(self) -> dict[str, float]:
        return dict(zip(self.features, map(float, self._last_stage.featureImportances.toArray()), strict=True))

    def coefficient_sizes(self) -> dict[str, float]:
        return dict(zip(self.features, map(float, abs(self._last_stage.coefficients.toArray())), strict=True))

    def cluster_centers(self) -> list[np.ndarray]:
        return [np.asarray(center, dtype=float) for center in self._last_stage.clusterCenters()]

    def save(self, folder: Path, stored: "StoredModel", settings: Settings) -> None:
        spark_files.save(folder, stored, self.pipeline, settings)

    @property
    def _last_stage(self) -> Any:
        """The fitted estimator at the end of the pipeline, of whatever kind it is."""
        return self.pipeline.stages[-1]


@dataclass(frozen=True)
class SparkEstimator:
    """A pipeline to fit."""

    pipeline: "Pipeline"

    def fit(self, frame: DataFrame) -> SparkModel:
        return SparkModel(self.pipeline.fit(frame))


class SparkEstimators(Estimators):
    """Random forest, logistic regression and k-means of Spark ML."""

    libraries = ("pyspark.ml.classification", "pyspark.ml.clustering", "pyspark.ml.evaluation")

    @contextmanager
    def in_fixed_order(self, frame: DataFrame, key: str) -> Iterator[DataFrame]:
        """The rows, cached, in two partitions by their key and sorted by it, whatever their order was.

        Spark's seeds depend on the numbers of partitions and rows, and its sums of doubles on the rows' order.
        """
        laid_out = frame.repartition(PARTITIONS, key).sortWithinPartitions(key).persist()
        try:
            yield laid_out
        finally:
            laid_out.unpersist()

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
    ) -> SparkEstimator:
        from pyspark.ml.classification import RandomForestClassifier

        forest = RandomForestClassifier(labelCol=label, numTrees=trees, maxDepth=depth, seed=seed, featuresCol=FEATURES)
        return _estimator(features, may_be_missing, forest, scaled=scaled)

    def logistic_regression(
        self,
        features: tuple[str, ...],
        may_be_missing: tuple[str, ...],
        *,
        label: str,
        iterations: int,
        regularization: float,
    ) -> SparkEstimator:
        from pyspark.ml.classification import LogisticRegression

        regression = LogisticRegression(
            labelCol=label, maxIter=iterations, regParam=regularization, standardization=False
        )
        return _estimator(features, may_be_missing, regression, scaled=True)

    def kmeans(self, features: tuple[str, ...], *, clusters: int, seed: int) -> SparkEstimator:
        from pyspark.ml import Pipeline
        from pyspark.ml.clustering import KMeans

        return SparkEstimator(Pipeline(stages=[*_scaling(list(features)), KMeans(k=clusters, seed=seed)]))

    def silhouette(self, clustered: DataFrame) -> float:
        """Computed by Spark in one pass (ClusteringEvaluator)."""
        from pyspark.ml.evaluation import ClusteringEvaluator

        return float(ClusteringEvaluator(featuresCol=FEATURES).evaluate(clustered))

    def load(self, folder: Path, settings: Settings) -> SparkModel:
        return SparkModel(spark_files.load(folder, settings))


def _estimator(
    features: tuple[str, ...], may_be_missing: tuple[str, ...], estimator: Any, *, scaled: bool
) -> SparkEstimator:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Imputer, VectorAssembler

    imputed = {name: f"{name}{IMPUTED}" for name in features if name in may_be_missing}
    inputs = [imputed.get(name, name) for name in features]
    imputer = Imputer(inputCols=list(imputed), outputCols=list(imputed.values()), strategy="median")
    assembly = _scaling(inputs) if scaled else [VectorAssembler(inputCols=inputs, outputCol=FEATURES)]
    return SparkEstimator(Pipeline(stages=[imputer, *assembly, estimator]))


def _scaling(inputs: list[str]) -> list[Any]:
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    return [
        VectorAssembler(inputCols=inputs, outputCol=RAW_FEATURES),
        StandardScaler(inputCol=RAW_FEATURES, outputCol=FEATURES, withMean=True, withStd=True),
    ]
