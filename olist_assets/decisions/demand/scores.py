"""Ratios over origins with their bootstrap intervals: errors, biases and coverages."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from olist_assets.decisions.demand.rule import EvaluationRule

# Ends of an interval of 95 %.
ENDS = (0.025, 0.975)


class Value(NamedTuple):
    """A metric with its interval; None where nothing can be resampled."""

    value: float
    low: float | None
    high: float | None


class Ratio(NamedTuple):
    """Sum of `above` over sum of `below`; one pair of arrays per origin, over series or days of its window."""

    above: list[np.ndarray]
    below: list[np.ndarray]


class Bootstrap:
    """Intervals by resampling: how often each sample repeats each of so many units is drawn once.

    A sample repeats a unit a Poisson number of times: Hanley and MacGibbon, Creating Non-Parametric Bootstrap Samples
    Using Poisson Frequencies, 2006, after Efron and Tibshirani, An Introduction to the Bootstrap, 1993. The same
    samples for all models, so that differences between them are not those of the samples.
    """

    def __init__(self, rule: EvaluationRule, units: int) -> None:
        """`units` is the largest number that will be resampled."""
        drawn = np.random.default_rng(rule.seed).poisson(1, (rule.resamples, units))
        self._counts = drawn.astype(float)

    def values(self, ratio: Ratio) -> Iterator[Value]:
        """The ratio of all origins together and of each of them.

        Together, whole origins are resampled, as the series of one share its events; of one origin, its series are, or
        the days of a single series.
        """
        yield self._value(*(np.array([part.sum() for part in parts]) for parts in (ratio.above, ratio.below)))
        for above, below in zip(ratio.above, ratio.below, strict=True):
            yield self._value(above, below)

    def _value(self, above: np.ndarray, below: np.ndarray) -> Value:
        total = below.sum()
        if not total:
            return Value(np.nan, None, None)
        value = float(above.sum() / total)
        if len(above) == 1:
            return Value(value, None, None)
        counts = self._counts[:, : len(above)]
        # Not a matrix product, whose rounding depends on the number of threads.
        drawn, of = (np.einsum("ru,u->r", counts, part) for part in (above, below))
        low, high = np.quantile(drawn[of > 0] / of[of > 0], ENDS)
        return Value(value, float(low), float(high))
