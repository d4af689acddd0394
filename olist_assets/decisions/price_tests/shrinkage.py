"""Estimates of many groups, each drawn towards their common mean as far as its own error says."""

from dataclasses import dataclass

import numpy as np

from olist_assets.decisions.price_tests.poisson import Array


@dataclass(frozen=True)
class Shrunk:
    """The groups' estimates after shrinkage and their standard errors, of shape (groups,); the mean and its spread."""

    estimate: Array
    standard_error: Array
    mean: float
    between_variance: float


def shrunk(estimate: Array, standard_error: Array) -> Shrunk | None:
    """Random-effects shrinkage of estimates (groups,), NaN where a group has none; None if no group has one.

    The variance between groups is the moment estimate of DerSimonian and Laird 1986, "Meta-analysis in clinical
    trials", Controlled Clinical Trials 7. A group's estimate is then its posterior mean (Morris 1983, "Parametric
    empirical Bayes inference", JASA 78), that of a group without one the common mean.
    """
    known = ~np.isnan(standard_error)
    if not known.any():
        return None
    weights = np.where(known, 1 / np.where(known, standard_error, 1.0) ** 2, 0.0)
    values = np.where(known, estimate, 0.0)
    mean = np.sum(weights * values) / np.sum(weights)
    excess = np.sum(weights * (values - mean) ** 2) - (known.sum() - 1)
    scale = np.sum(weights) - np.sum(weights**2) / np.sum(weights)
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    precision = np.where(known, 1 / (between + np.where(known, standard_error, 1.0) ** 2), 0.0)
    mean = np.sum(precision * values) / np.sum(precision)
    of_mean = 1 / np.sum(precision)
    # How much of a group's own deviation from the mean stays: none of it where the group has no estimate.
    own = between * precision
    variance = between * (1 - own) + (1 - own) ** 2 * of_mean
    return Shrunk(mean + own * (values - mean), np.sqrt(variance), float(mean), float(between))
