"""Whether a value is usual, by median and MAD: a few wild values in the past move neither.

MAD: Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, JASA 88 (1993); 1.4826 makes it the standard
deviation of a normal distribution.
"""

from collections.abc import Sequence
from statistics import median

NORMAL = 1.4826
# With fewer, a median and its spread say nothing.
LEAST_PAST = 3


def spread(values: Sequence[float]) -> float:
    """1.4826 times the median absolute deviation from the median."""
    middle = median(values)
    return NORMAL * median(abs(value - middle) for value in values)


def is_usual(value: float, past: Sequence[float], least: float, deviations: float) -> bool:
    """Whether a value lies within `deviations` spreads of the past's median, and anyway within `least` of it."""
    return abs(value - median(past)) <= max(least, deviations * spread(past))
