"""How good a classifier is on held-out customers: metrics and curves, all from one pass over their scores."""

from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Rounding bounds the memory by the digits instead of the customers: at most 100,001 different probabilities.
DIGITS = 5
TOP = 0.2
BINS = 10


@dataclass(frozen=True)
class Scores:
    """Customers, and those with the label, per probability: arrays of equal length, the lowest probability first."""

    probability: np.ndarray
    customers: np.ndarray
    positives: np.ndarray

    @property
    def base_rate(self) -> float:
        return float(self.positives.sum() / self.customers.sum())

    @property
    def has_both_labels(self) -> bool:
        return 0 < self.positives.sum() < self.customers.sum()

    def inverted(self) -> "Scores":
        """The same customers with the opposite label."""
        return Scores(1 - self.probability[::-1], self.customers[::-1], (self.customers - self.positives)[::-1])

    def expanded(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Label, probability and weight, as arguments of scikit-learn's metrics."""
        labels = np.repeat([1, 0], len(self.probability))
        weights = np.concatenate([self.positives, self.customers - self.positives])
        seen = weights > 0
        return labels[seen], np.tile(self.probability, 2)[seen], weights[seen]


def scores(scored: DataFrame, label: str) -> Scores:
    """Customers and positives per probability, computed by the engine and collected as a histogram."""
    by = scored.groupBy(F.round("probability", DIGITS).alias("p")).agg(F.count("*"), F.sum(label)).orderBy("p")
    columns = np.array([tuple(row) for row in by.collect()], dtype=float).reshape(-1, 3).T
    return Scores(columns[0], columns[1], columns[2])


def constant_scores(like: Scores, value: float) -> Scores:
    """The same customers with one probability for all: a baseline."""
    return Scores(np.array([value]), like.customers.sum(keepdims=True), like.positives.sum(keepdims=True))


def metrics(of: Scores) -> dict[str, float]:
    """ROC AUC, PR AUC, Brier score, calibration error, and precision, recall and lift of the most probable fifth.

    Metrics that need both labels are left out if only one occurs.
    """
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    if not len(of.probability):
        return {}
    labels, probabilities, weights = of.expanded()
    found = {"customers": float(of.customers.sum()), "base_rate": of.base_rate}
    if not of.has_both_labels:
        return found
    top = _positives_at_the_top(of)
    hits = TOP * of.customers.sum()
    return found | {
        "auc_roc": float(roc_auc_score(labels, probabilities, sample_weight=weights)),
        "auc_pr": float(average_precision_score(labels, probabilities, sample_weight=weights)),
        "brier": float(brier_score_loss(labels, probabilities, sample_weight=weights)),
        "calibration_error": calibration_error(of),
        "precision_at_20": float(top / hits),
        "recall_at_20": float(top / of.positives.sum()),
        "lift_at_20": float(top / hits / of.base_rate),
    }


@dataclass(frozen=True)
class Bins:
    """Customers in bins of about equal size by probability: arrays, the lowest first, without empty bins."""

    mean_probability: np.ndarray
    share_with_label: np.ndarray
    customers: np.ndarray


def calibration(of: Scores) -> Bins:
    """Predicted probability and observed share of ten bins of customers."""
    middle = np.cumsum(of.customers) - of.customers / 2
    bins = np.minimum((middle / of.customers.sum() * BINS).astype(int), BINS - 1)
    customers, positives, weighted = (
        np.bincount(bins, values, BINS) for values in (of.customers, of.positives, of.probability * of.customers)
    )
    filled = customers > 0
    customers = customers[filled]
    return Bins(weighted[filled] / customers, positives[filled] / customers, customers)


def calibration_error(of: Scores) -> float:
    """Expected calibration error: the mean distance of predicted from observed (Naeini et al., AAAI 2015)."""
    bins = calibration(of)
    distance = np.abs(bins.mean_probability - bins.share_with_label)
    return float(np.average(distance, weights=bins.customers))


def _positives_at_the_top(of: Scores) -> float:
    """Positives in the top fifth; customers with one probability at its edge count with their share."""
    left = TOP * of.customers.sum() - np.concatenate([[0.0], np.cumsum(of.customers[::-1])[:-1]])
    taken = np.clip(left / of.customers[::-1], 0, 1)
    return float((taken * of.positives[::-1]).sum())
