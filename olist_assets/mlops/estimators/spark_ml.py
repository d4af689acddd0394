"""The estimators in Spark ML's flavor: pipelines to fit, and what is read from a fitted one."""

from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.ml import Pipeline, PipelineModel

# pyspark.ml is imported in the functions: half a second, which commands about tables do not need.

FEATURES = "features"


def random_forest(
    features: tuple[str, ...],
    may_be_missing: tuple[str, ...],
    *,
    label: str,
    trees: int,
    depth: int,
    seed: int,
    scaled: bool = False,
) -> "Pipeline":
    """Medians for missing values, and a forest; on standardized features if `scaled`."""
    from pyspark.ml.classification import RandomForestClassifier

    forest = RandomForestClassifier(labelCol=label, numTrees=trees, maxDepth=depth, seed=seed, featuresCol=FEATURES)
    return _pipeline(features, may_be_missing, forest, scaled=scaled)


def logistic_regression(
    features: tuple[str, ...], may_be_missing: tuple[str, ...], *, label: str, iterations: int, regularization: float
) -> "Pipeline":
    """Medians for missing values, standardized features, and a logistic regression (L2)."""
    from pyspark.ml.classification import LogisticRegression

    regression = LogisticRegression(labelCol=label, maxIter=iterations, regParam=regularization, standardization=False)
    return _pipeline(features, may_be_missing, regression, scaled=True)


def kmeans(features: tuple[str, ...], *, clusters: int, seed: int) -> "Pipeline":
    """Standardized features, and k-means."""
    from pyspark.ml import Pipeline
    from pyspark.ml.clustering import KMeans

    return Pipeline(stages=[*_scaling(list(features)), KMeans(k=clusters, seed=seed)])


def _pipeline(
    features: tuple[str, ...], may_be_missing: tuple[str, ...], estimator: Any, *, scaled: bool
) -> "Pipeline":
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Imputer, VectorAssembler

    imputed = {name: f"{name}_known" for name in features if name in may_be_missing}
    inputs = [imputed.get(name, name) for name in features]
    imputer = Imputer(inputCols=list(imputed), outputCols=list(imputed.values()), strategy="median")
    assembly = _scaling(inputs) if scaled else [VectorAssembler(inputCols=inputs, outputCol=FEATURES)]
    return Pipeline(stages=[imputer, *assembly, estimator])


def _scaling(inputs: list[str]) -> list[Any]:
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    return [
        VectorAssembler(inputCols=inputs, outputCol="raw_features"),
        StandardScaler(inputCol="raw_features", outputCol=FEATURES, withMean=True, withStd=True),
    ]


def feature_importances(model: "PipelineModel", features: tuple[str, ...]) -> dict[str, float]:
    """Gini importance of each feature; the sum is 1 (Spark's featureImportances; Hastie et al., 2009, 10.13.1)."""
    return dict(zip(features, map(float, _last_stage(model).featureImportances.toArray()), strict=True))


def coefficient_sizes(model: "PipelineModel", features: tuple[str, ...]) -> dict[str, float]:
    """Absolute value of each standardized feature's coefficient."""
    return dict(zip(features, map(float, abs(_last_stage(model).coefficients.toArray())), strict=True))


def cluster_centers(model: "PipelineModel") -> list[np.ndarray]:
    """Centers in standardized features, by the model's cluster number."""
    return [np.asarray(center, dtype=float) for center in _last_stage(model).clusterCenters()]


def silhouette(clustered: DataFrame) -> float:
    """Mean silhouette by squared Euclidean distance, which Spark computes in one pass (ClusteringEvaluator)."""
    from pyspark.ml.evaluation import ClusteringEvaluator

    return float(ClusteringEvaluator().evaluate(clustered))


def probability() -> Column:
    """The probability of label 1 in the output of a classifier."""
    from pyspark.ml.functions import vector_to_array

    return vector_to_array(F.col("probability"))[1]


def scaled_features() -> Column:
    """The features of a row in the output of a pipeline, as an array."""
    from pyspark.ml.functions import vector_to_array

    return vector_to_array(F.col(FEATURES))


def _last_stage(model: "PipelineModel") -> Any:
    """The fitted estimator at the end of a pipeline, of whatever kind it is."""
    return model.stages[-1]
