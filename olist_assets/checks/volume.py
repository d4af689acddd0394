"""A day's volume compared with the one expected from the weeks before: their level and the weekday's share of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import log
from statistics import median

from olist_assets.checks.robust import spread
from olist_assets.contracts.thresholds import Threshold, Volume

LEVEL_DAYS, WEEKS, RESIDUAL_DAYS = 28, 8, 56


@dataclass(frozen=True)
class Day:
    """A judged day: its volume, the expected one, and the largest usual logarithm of their ratio."""

    day: date
    volume: float
    expected: float
    limit: float
    is_usual: bool


def judged_days(days: Sequence[tuple[date, float]], limits: Volume, deviations: Threshold) -> list[Day]:
    """Judge consecutive days, each from the days before it; days without enough history are left out.

    The expected volume is the median of the last 28 days times the median share that the same weekday had of that
    level in the last 8 weeks. A day is unusual if the log of the ratio to it exceeds both limits: the change, and the
    deviations of the last 56 days' logs.
    """
    volumes = [float(volume) for _, volume in days]
    end = max((at for at, volume in enumerate(volumes) if volume), default=-1) - int(limits.settling_days.value)
    levels = [median(volumes[at - LEVEL_DAYS : at]) if at >= LEVEL_DAYS else 0.0 for at in range(len(volumes))]
    shares = [volume / level if level else None for volume, level in zip(volumes, levels, strict=True)]
    found: list[Day] = []
    residuals: list[float] = []
    for at, (day, _) in enumerate(days[: end + 1]):
        same_weekday = [share for share in shares[max(0, at - 7 * WEEKS) : at][-7::-7] if share is not None]
        if len(same_weekday) < WEEKS / 2:
            continue
        expected = levels[at] * median(same_weekday)
        residual = log((volumes[at] + 1) / (expected + 1))
        recent = residuals[-RESIDUAL_DAYS:]
        if levels[at] >= limits.min_level.value and len(recent) >= LEVEL_DAYS:
            limit = max(limits.change.value, deviations.value * spread(recent))
            found.append(Day(day, volumes[at], expected, limit, abs(residual) <= limit))
        residuals.append(residual)
    return found
