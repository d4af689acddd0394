"""Daily volumes: weekdays and growth are usual, outliers are not, and the ends of the data are not judged."""

from datetime import date, timedelta

import pytest

from olist_assets.checks.volume import Day, judged_days
from olist_assets.contracts.thresholds import Threshold, Volume

FIRST = date(2017, 1, 2)
VOLUME = Volume("day", "orders")
DEVIATIONS = Threshold(5, "")


def days(weeks: int = 24, growth: float = 1.01, **special: float) -> list[tuple[date, float]]:
    """Orders per day that grow, with busy Mondays and quiet Sundays; `dN=` sets the number of day N."""
    by_weekday = [1.3, 1.1, 1.0, 1.0, 1.0, 0.8, 0.6]
    ordinary = [100 * growth ** (n / 7) * by_weekday[n % 7] * (1 + 0.04 * (n % 3)) for n in range(7 * weeks)]
    orders = {f"d{n}": number for n, number in enumerate(ordinary)} | special
    return [(FIRST + timedelta(int(name[1:])), number) for name, number in orders.items()]


def unusual(found: list[Day]) -> list[int]:
    return [(day.day - FIRST).days for day in found if not day.is_usual]


@pytest.mark.parametrize("growth", [0.97, 1.0, 1.05])
def test_weekdays_and_growth_are_usual(growth):
    found = judged_days(days(growth=growth), VOLUME, DEVIATIONS)
    assert (len(found) > 30, unusual(found)) == (True, [])


def test_a_day_of_sales_and_a_day_without_orders_stand_out_and_leave_the_others_usual():
    found = judged_days(days(d122=900, d125=0), VOLUME, DEVIATIONS)
    assert unusual(found) == [122, 125]
    assert next(day for day in found if (day.day - FIRST).days == 122).expected == pytest.approx(117, rel=0.15)


def test_days_of_few_orders_are_not_judged():
    thin = [(day, orders / 10) for day, orders in days()]
    assert judged_days(thin, VOLUME, DEVIATIONS) == []


def test_the_newest_days_are_not_judged_before_they_are_settled():
    # The calendar may continue beyond the last order.
    fading = days(d166=5, d167=1) + [(FIRST + timedelta(168 + n), 0) for n in range(40)]
    found = judged_days(fading, VOLUME, DEVIATIONS)
    assert (unusual(found), (found[-1].day - FIRST).days) == ([], 167 - 14)


def test_without_orders_there_is_nothing_to_judge():
    assert judged_days([], VOLUME, DEVIATIONS) == judged_days([(FIRST, 0)], VOLUME, DEVIATIONS) == []
