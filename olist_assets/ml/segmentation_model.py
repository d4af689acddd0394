"""segmentation_model: k-means over how recently, how often and for how much a customer bought."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
from pydantic import Field
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts import Model
from olist_assets.ml.layout import in_fixed_order, last_stage
from olist_assets.ml.plots import cluster_plots
from olist_assets.tracking import Mlflow, Trained

KEY = "customer_unique_id"
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
    most_clusters: int = Field(default=10, ge=2, le=20, description="Elbow and silhouette are shown for k = 2 to this.")


@dg.asset(**SEGMENTATION_MODEL.asset_args())
def segmentation_model(
    context: dg.AssetExecutionContext, config: SegmentationConfig, mlflow: Mlflow, gold_customer_metrics: DataFrame
) -> Trained:
    """The clusters of the wanted k, and how others would have fitted."""
    with mlflow.training(context, SEGMENTATION_MODEL, config) as run:
        customers = in_fixed_order(features(gold_customer_metrics), KEY)
        scaler = Pipeline(stages=scaling()).fit(customers)
        scaled = scaler.transform(customers).select(KEY, "features").persist()
        counts = range(2, max(config.most_clusters, config.clusters) + 1)
        fits = {k: KMeans(k=k, seed=config.seed).fit(scaled) for k in counts}
        silhouettes = {k: silhouette(fit.transform(scaled)) for k, fit in fits.items()}
        costs = [fit.summary.trainingCost for fit in fits.values()]
        run.figures({"silhouette": silhouettes[config.clusters]})
        for k, value in silhouettes.items():
            run.figures({"silhouette": value}, variant=f"k_{k}")
        if run.champion:
            run.against_champion({"silhouette": silhouette(run.champion.pipeline.transform(customers))})
        run.plots(cluster_plots(counts, costs, list(silhouettes.values())))
        scaled.unpersist()
        return run.version(PipelineModel([*scaler.stages, fits[config.clusters]]), FEATURES)


def features(customers: DataFrame) -> DataFrame:
    """One row a customer with a delivered order: id and the three features as doubles."""
    buyers = customers.where(F.col("frequency") > 0)
    return buyers.select(KEY, *(F.col(name).cast("double").alias(name) for name in FEATURES))


def scaling() -> list[Any]:
    return [
        VectorAssembler(inputCols=list(FEATURES), outputCol="raw_features"),
        StandardScaler(inputCol="raw_features", outputCol="features", withMean=True, withStd=True),
    ]


def silhouette(clustered: DataFrame) -> float:
    """Mean silhouette by squared Euclidean distance, which Spark computes in one pass (ClusteringEvaluator)."""
    return float(ClusteringEvaluator().evaluate(clustered))


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
