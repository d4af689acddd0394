"""segmentation_model: k-means over how recently, how often and for how much a customer bought."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
from pydantic import Field
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.model import Model
from olist_assets.mlops.training_rows import buyers, in_fixed_order, last_stage
from olist_assets.mlops.plots import cluster_plots
from olist_assets.mlops.registry import Trained
from olist_assets.mlops.tracking import Mlflow

KEY = "customer_unique_id"
# Customers that other numbers of clusters are tried on: all of them, in Spark, would take half a minute.
SAMPLE = 3000
FEATURES = ("recency_days", "frequency", "monetary_value")
# What a cluster's center differs in most, in standard deviations from the mean, names it: above and below the mean.
NAMES = {
    "recency_days": ("Lapsed", "Recent"),
    "frequency": ("Repeat Buyers", "One-Time Buyers"),
    "monetary_value": ("Big Spenders", "Small Spenders"),
}

SEGMENTATION_MODEL = Model(
    name="segmentation_model",
    description="K-means over standardised recency, frequency and monetary value.",
    figure="silhouette",
)


class SegmentationConfig(dg.Config):
    """The clusters. Same data, same seed: same model."""

    clusters: int = Field(default=3, ge=2, le=10, description="k.")
    seed: int = Field(default=42, description="Of the first centers.")
    most_clusters: int = Field(
        default=10, ge=2, le=20, description="Elbow and silhouette are plotted for k = 2 to this."
    )


@dg.asset(**SEGMENTATION_MODEL.asset_args())
def segmentation_model(
    context: dg.AssetExecutionContext, config: SegmentationConfig, mlflow: Mlflow, gold_customer_metrics: DataFrame
) -> Trained:
    """The clusters of the wanted k, and how others would fit a sample."""
    with (
        mlflow.training(context, SEGMENTATION_MODEL, config) as run,
        in_fixed_order(buyers(gold_customer_metrics, KEY, FEATURES), KEY) as customers,
    ):
        clusters = Pipeline(stages=[*scaling(), KMeans(k=config.clusters, seed=config.seed)]).fit(customers)
        clustered = clusters.transform(customers)
        run.figures({"silhouette": silhouette(clustered)})
        if run.champion:
            run.against_champion({"silhouette": silhouette(run.champion.pipeline.transform(customers))})
        drawn = sample(clustered)
        counts = range(2, min(config.most_clusters, len(drawn) - 1) + 1)
        costs, silhouettes = sweep(drawn, counts, config.seed)
        for k, value in zip(counts, silhouettes, strict=True):
            run.figures({"silhouette": value}, split="sample", variant=f"k_{k}")
        run.plots(cluster_plots(counts, costs, silhouettes))
        return run.version(clusters, FEATURES)


def scaling() -> list[Any]:
    return [
        VectorAssembler(inputCols=list(FEATURES), outputCol="raw_features"),
        StandardScaler(inputCol="raw_features", outputCol="features", withMean=True, withStd=True),
    ]


def silhouette(clustered: DataFrame) -> float:
    """Mean silhouette by squared Euclidean distance, which Spark computes in one pass (ClusteringEvaluator)."""
    return float(ClusteringEvaluator().evaluate(clustered))


def sample(scaled: DataFrame) -> np.ndarray:
    """Scaled features of customers drawn by a hash of their id: the same ones every time, (SAMPLE, 3) at most."""
    drawn = scaled.select(vector_to_array(F.col("features")).alias("at"), KEY).orderBy(F.xxhash64(KEY), KEY)
    return np.array([row["at"] for row in drawn.limit(SAMPLE).select("at").collect()])


def sweep(scaled: np.ndarray, counts: Sequence[int], seed: int) -> tuple[list[float], list[float]]:
    """Sum of squared distances, and mean silhouette by squared Euclidean distance, for each number of clusters."""
    from sklearn.cluster import KMeans as SampleKMeans
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    costs, silhouettes = [], []
    # Threads add up in the order in which they end: one gives the same figures to the last digit.
    with threadpool_limits(1):
        for k in counts:
            fit = SampleKMeans(k, random_state=seed).fit(scaled)
            labels = fit.predict(scaled)
            several = len(np.unique(labels)) > 1
            costs.append(-float(fit.score(scaled) or 0))
            silhouettes.append(float(silhouette_score(scaled, labels, metric="sqeuclidean")) if several else 0.0)
    return costs, silhouettes


@dataclass(frozen=True)
class Segment:
    """A cluster under the number that it keeps: 0 has the smallest average monetary value."""

    number: int
    label: str
    center: tuple[float, ...]


def segments(model: PipelineModel) -> dict[int, Segment]:
    """The segments by the cluster numbers of the model, which differ from training to training."""
    centers = [np.asarray(center, dtype=float) for center in last_stage(model).clusterCenters()]
    # A center is the mean of its members: the order of its monetary value is that of their averages.
    order = sorted(range(len(centers)), key=lambda cluster: tuple(centers[cluster][::-1]))
    found: dict[int, Segment] = {}
    for number, cluster in enumerate(order):
        label = _label(centers[cluster])
        before = sum(segment.label.startswith(label) for segment in found.values())
        label = f"{label} {before + 1}" if before else label
        found[cluster] = Segment(number, label, tuple(map(float, centers[cluster])))
    return found


def _label(center: np.ndarray) -> str:
    most = int(np.argmax(np.abs(center)))
    above, below = NAMES[FEATURES[most]]
    return above if center[most] > 0 else below
