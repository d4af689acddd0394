"""The names of metrics as people know them; MLflow and gold_ml_evaluation have short ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """How a metric is shown: its name, what it measures, and whether a higher value is better."""

    name: str
    meaning: str
    higher_is_better: bool = True


METRICS = {
    "auc_roc": Metric("ROC AUC", "Area under the curve of true over false positive rates; 0.5 is random."),
    "auc_pr": Metric("PR AUC", "Area under the curve of precision over recall; the base rate is random."),
    "brier": Metric("Brier score", "Mean squared error of the probabilities.", higher_is_better=False),
    "calibration_error": Metric(
        "Expected calibration error",
        "Mean distance between predicted probability and observed rate, over ten bins.",
        higher_is_better=False,
    ),
    "precision_at_20": Metric("Precision at 20 %", "Rate of the label among the 20 % with the highest probability."),
    "recall_at_20": Metric("Recall at 20 %", "Share of all positives that the 20 % with the highest probability have."),
    "lift_at_20": Metric("Lift at 20 %", "Precision at 20 % divided by the base rate."),
    "silhouette": Metric("Silhouette", "Closeness of customers to their own cluster against the next one, -1 to 1."),
    "customers": Metric("Customers", "Customers in the data that the metrics are computed on."),
    "base_rate": Metric("Base rate", "Share of customers with the label."),
}
REPURCHASE = "repurchase_"
"""Prefix of metrics for the opposite label: that a customer does buy again."""


def metric(key: str) -> Metric:
    """How a metric is shown; an unknown one under its own key."""
    known = METRICS.get(key.removeprefix(REPURCHASE))
    if known is None:
        return Metric(key.replace("_", " "), "")
    if not key.startswith(REPURCHASE):
        return known
    meaning = f"{known.meaning} The label is that the customer buys again."
    return Metric(f"{known.name}, repurchase", meaning, known.higher_is_better)


def metric_name(key: str) -> str:
    return metric(key).name
