"""Days and hours of purchases: growth by month, the pattern of a week, and the gaps at both ends."""

from datetime import date, timedelta

import numpy as np

from olist_assets.sample_data.streams import Floats, Ints

FIRST_DAY = date(2016, 9, 4)
FIRST_DELIVERED_DAY = date(2016, 9, 15)
LAST_DELIVERED_DAY = date(2018, 8, 29)
LAST_DAY = date(2018, 10, 17)
DAYS = (LAST_DAY - FIRST_DAY).days + 1
EPOCH_DAY = (FIRST_DAY - date(1970, 1, 1)).days

# Orders per month, rounded, from the opening in January 2017 to the last full month.
_MONTHLY = {
    2017: (800, 1780, 2680, 2400, 3700, 3250, 4030, 4330, 4290, 4630, 7540, 5670),
    2018: (7270, 6730, 7210, 6940, 6870, 6170, 6290, 6510),
}
_WEEKDAY = (1.14, 1.12, 1.09, 1.04, 0.99, 0.77, 0.85)
_BLACK_FRIDAY = date(2017, 11, 24)
_BLACK_FRIDAY_LIFTS = {-1: 1.3, 0: 6.5, 1: 3.5, 2: 2.5, 3: 1.9, 4: 1.8}
# Days outside these months, with their orders.
_STRAY = {
    FIRST_DAY: 1.0,
    date(2016, 9, 5): 1.0,
    date(2016, 9, 13): 1.0,
    FIRST_DELIVERED_DAY: 1.0,
    **{date(2016, 10, day): 40.0 for day in range(3, 11)},
    date(2016, 12, 23): 1.0,
    **{date(2018, 9, day): 1.0 for day in (3, 6, 10, 13, 17, 20, 25, 29)},
    **{date(2018, 10, day): 1.0 for day in (1, 3, 16)},
    LAST_DAY: 1.0,
}
_HOURS = (24, 12, 5, 3, 2, 2, 5, 12, 30, 48, 62, 66, 60, 65, 66, 65, 67, 62, 58, 60, 62, 62, 58, 41)


def day_number(day: date) -> int:
    """Days since the first day."""
    return (day - FIRST_DAY).days


def day_weights() -> Floats:
    """The relative number of orders of each of the 774 days."""
    weights = np.zeros(DAYS)
    for year, months in _MONTHLY.items():
        for month, orders in enumerate(months, start=1):
            _fill_month(weights, year, month, orders)
    for day, orders in _STRAY.items():
        weights[day_number(day)] = orders
    return weights


def hour_weights() -> list[float]:
    """The relative number of orders of each hour of a day."""
    return [float(hour) for hour in _HOURS]


def seconds_of(days: Ints) -> Ints:
    """The first second of days, as seconds since 1970."""
    return (days + EPOCH_DAY) * 86_400


def _fill_month(weights: Floats, year: int, month: int, orders: float) -> None:
    first = date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    days = [first + timedelta(days=offset) for offset in range((following - first).days)]
    days = [day for day in days if date(2017, 1, 5) <= day <= LAST_DELIVERED_DAY]
    lifts = np.array([_lift(day) for day in days])
    for day, share in zip(days, lifts / lifts.sum(), strict=True):
        weights[day_number(day)] = orders * share


def _lift(day: date) -> float:
    # The shop closed down over its last week.
    fading = min(1.0, 0.1 + 0.12 * (LAST_DELIVERED_DAY - day).days)
    return fading * _WEEKDAY[day.weekday()] * _BLACK_FRIDAY_LIFTS.get((day - _BLACK_FRIDAY).days, 1.0)
