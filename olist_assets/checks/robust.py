"""Whether a value is usual, by median and MAD (median absolute deviation), which few outliers in the past hardly move.

Source: Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, JASA 88 (1993); 1.4826 makes it the standard
deviation of a normal distribution.
"""

from collections.abc import Sequence
from statistics import median

NORMAL = 1.4826
# With fewer past values a median and its spread are meaningless.
MIN_PAST = 3


def spread(values: Sequence[float]) -> float:
    """1.4826 times the median absolute deviation from the median."""
    middle = median(values)
    return NORMAL * median(abs(value - middle) for value in values)


def is_usual(value: float, past: Sequence[float], min_difference: float, deviations: float) -> bool:
    """Whether a value is within `deviations` spreads, or within `min_difference`, of the past's median."""
    return abs(value - median(past)) <= max(min_difference, deviations * spread(past))
