"""segmentation_model: k-means over how recently, how often and for how much a customer bought."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import Resource, model_asset
from olist_assets.contracts.model import Model
from olist_assets.mlops.plots import cluster_plots
from olist_assets.mlops.registry import Trained
from olist_assets.mlops.single_thread import single_thread
from olist_assets.mlops.training_rows import buyers

if TYPE_CHECKING:
    from olist_assets.mlops.estimators.interface import FittedModel
    from olist_assets.mlops.tracking import Mlflow

KEY = "customer_unique_id"
# Customers on which other numbers of clusters are tried; all of them would take half a minute.
SAMPLE = 3000
FEATURES = ("recency_days", "frequency", "monetary_value")
# A cluster is named by the feature in which its center is furthest from the mean, in standard deviations: above, below.
NAMES = {
    "recency_days": ("Lapsed", "Recent"),
    "frequency": ("Repeat Buyers", "One-Time Buyers"),
    "monetary_value": ("Big Spenders", "Small Spenders"),
}

SEGMENTATION_MODEL = Model(
    name="segmentation_model",
    description="K-means over standardized recency, frequency and monetary value.",
    metric="silhouette",
)


class SegmentationConfig(BaseModel):
    """The clusters. The same data and seed give the same model."""

    clusters: int = Field(default=3, ge=2, le=10, description="Number of clusters (k).")
    seed: int = Field(default=42, description="Seed of the first centers.")
    max_clusters: int = Field(
        default=10, ge=2, le=20, description="Elbow and silhouette are plotted for k = 2 to this number."
    )


@model_asset(SEGMENTATION_MODEL)
def segmentation_model(
    mlflow: Resource["Mlflow"], config: SegmentationConfig, gold_customer_metrics: DataFrame
) -> Trained:
    """Clusters for the configured k; elbow and silhouette of other numbers of clusters on a sample."""
    with (
        mlflow.training(SEGMENTATION_MODEL, config) as run,
        run.estimators.in_fixed_order(buyers(gold_customer_metrics, KEY, FEATURES), KEY) as customers,
    ):
        clusters = run.estimators.kmeans(FEATURES, clusters=config.clusters, seed=config.seed).fit(customers)
        clustered = clusters.score(customers)
        run.log_metrics({"silhouette": run.estimators.silhouette(clustered)})
        if run.champion:
            compared = run.estimators.silhouette(run.champion.score(customers))
            run.log_champion_metrics({"silhouette": compared})
        drawn = sample(clustered)
        counts = range(2, min(config.max_clusters, len(drawn) - 1) + 1)
        costs, silhouettes = sweep(drawn, counts, config.seed)
        for k, value in zip(counts, silhouettes, strict=True):
            run.log_metrics({"silhouette": value}, split="sample", variant=f"k_{k}")
        run.log_plots(cluster_plots(counts, costs, silhouettes))
        return run.register(clusters)


def sample(scaled: DataFrame) -> np.ndarray:
    """Scaled features of customers selected by a hash of their id, always the same ones: shape (at most SAMPLE, 3)."""
    drawn = scaled.select(F.col("features").alias("at"), KEY).orderBy(F.xxhash64(KEY), KEY)
    return np.array([row["at"] for row in drawn.limit(SAMPLE).select("at").collect()])


def sweep(scaled: np.ndarray, counts: Sequence[int], seed: int) -> tuple[list[float], list[float]]:
    """Sum of squared distances, and mean silhouette by squared Euclidean distance, for each number of clusters."""
    from sklearn.cluster import KMeans as SampleKMeans
    from sklearn.metrics import silhouette_score

    costs, silhouettes = [], []
    with single_thread():
        for k in counts:
            fit = SampleKMeans(k, random_state=seed).fit(scaled)
            labels = fit.predict(scaled)
            several = len(np.unique(labels)) > 1
            costs.append(-float(fit.score(scaled) or 0))
            silhouettes.append(float(silhouette_score(scaled, labels, metric="sqeuclidean")) if several else 0.0)
    return costs, silhouettes


@dataclass(frozen=True)
class Segment:
    """A cluster with its stable number: 0 has the smallest average monetary value."""

    number: int
    label: str
    center: tuple[float, ...]


def segments(model: "FittedModel") -> dict[int, Segment]:
    """The segments by the cluster numbers of the model, which differ between trainings."""
    centers = model.cluster_centers()
    # A center is the mean of its members, so its monetary value orders the clusters by their averages.
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
