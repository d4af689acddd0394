"""Plots of a training, for MLflow.

matplotlib is imported where a plot is drawn: half a second, which commands about tables do not need.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from olist_assets.mlops.evaluation import Scores, calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def classifier_plots(of: Scores) -> dict[str, "Figure"]:
    """ROC, precision-recall and calibration; none if only one label occurs."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    if not of.has_both_labels:
        return {}
    labels, probabilities, weights = of.expanded()
    false_rate, true_rate, _ = roc_curve(labels, probabilities, sample_weight=weights)
    precision, recall, _ = precision_recall_curve(labels, probabilities, sample_weight=weights)
    roc, axes = new_figure("ROC", "false positive rate", "true positive rate")
    axes.plot(false_rate, true_rate)
    axes.plot([0, 1], [0, 1], "k:", linewidth=1)
    curve, axes = new_figure("Precision and recall", "recall", "precision")
    axes.plot(recall, precision)
    axes.axhline(of.base_rate, color="k", linestyle=":", linewidth=1)
    return {"roc": roc, "precision_recall": curve, "calibration": _calibration(of)}


def _calibration(of: Scores) -> "Figure":
    """Mean probability against the share of customers with the label."""
    figure, axes = new_figure("Calibration", "mean probability", "share with the label")
    bins = calibration(of)
    axes.plot(bins.mean_probability, bins.share_with_label, "o-")
    ends = [bins.mean_probability.min(), bins.mean_probability.max()]
    axes.plot(ends, ends, "k:", linewidth=1)
    return figure


def importances_plot(values: Mapping[str, float]) -> dict[str, "Figure"]:
    """The weight of each feature, the largest at the top."""
    figure, axes = new_figure("Feature importances", "weight", "")
    ordered = sorted(values.items(), key=lambda pair: pair[1])
    axes.barh([name for name, _ in ordered], [value for _, value in ordered])
    return {"feature_importances": figure}


def cluster_plots(counts: Sequence[int], costs: Sequence[float], silhouettes: Sequence[float]) -> dict[str, "Figure"]:
    """Elbow and silhouette over the number of clusters."""
    elbow, axes = new_figure("Elbow", "clusters", "sum of squared distances to the centers")
    axes.plot(counts, costs, "o-")
    silhouette, axes = new_figure("Silhouette", "clusters", "mean silhouette (squared Euclidean)")
    axes.plot(counts, silhouettes, "o-")
    return {"elbow": elbow, "silhouette": silhouette}


def interval_plot(title: str, rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Each model's `value` over its `month`s, with the interval from `low` to `high`."""
    figure, axes = new_figure(title, "", "")
    for model in dict.fromkeys(row["model"] for row in rows):
        of = [row for row in rows if row["model"] == model]
        below, above = [row["value"] - row["low"] for row in of], [row["high"] - row["value"] for row in of]
        values = [row["value"] for row in of]
        axes.errorbar([row["month"] for row in of], values, (below, above), fmt="o", capsize=3, label=model)
    if rows:
        axes.legend()
        axes.tick_params("x", labelrotation=60)
    return figure


def new_figure(title: str, x: str, y: str) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes
