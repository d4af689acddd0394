"""gold_daily_metrics: every calendar day, trailing averages and growth."""

from datetime import date, timedelta
from decimal import Decimal

from olist_assets.contracts.calendar import Calendar
from olist_assets.gold.gold_daily_metrics import (
    GOLD_DAILY_METRICS,
    gold_daily_metrics,
    with_trailing_columns,
)
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets_tests.rows import frame

FIRST = date(2017, 1, 1)


def days(spark, sales, length):
    """Metrics of `length` days from FIRST; `sales` gives the values of the orders of a day number."""
    orders = [
        {"order_id": f"{day}/{at}", "order_date": FIRST + timedelta(day), "order_total_value": Decimal(value)}
        | {"customer_unique_id": f"{day}/{at}", "items_count": 2}
        for day, values in sales.items()
        for at, value in enumerate(values)
    ]
    master = frame(spark, SILVER_ORDERS_MASTER, *orders)
    calendar = Calendar(FIRST, FIRST + timedelta(length - 1))
    result = with_trailing_columns(gold_daily_metrics(calendar, master), calendar.first)
    return {(row.order_date - FIRST).days: row for row in result.collect()}


def test_every_calendar_day_has_a_row(spark):
    rows = days(spark, {0: ["10.00", "20.00"], 3: ["5.00"]}, 5)
    assert [rows[day].orders_count for day in range(5)] == [2, 0, 0, 1, 0]
    assert (rows[0].revenue, rows[0].avg_order_value, rows[0].items_sold) == (Decimal("30.00"), Decimal("15.00"), 4)
    assert (rows[1].revenue, rows[1].avg_order_value, rows[1].avg_review_score) == (Decimal("0.00"), None, None)


def test_trailing_averages_are_over_the_days_that_exist_so_far(spark):
    rows = days(spark, {0: ["70.00"], 7: ["7.00"]}, 9)
    assert rows[0].revenue_7d_avg == 70.0
    assert rows[1].revenue_7d_avg == 35.0
    assert rows[6].revenue_7d_avg == 10.0
    assert rows[7].revenue_7d_avg == 1.0
    assert rows[7].orders_30d_avg == 2 / 8


def test_growth_needs_sixty_days_and_revenue_before(spark):
    rows = days(spark, {day: ["10.00"] if day < 30 else ["15.00"] for day in range(61)}, 95)
    assert rows[58].revenue_mom_growth is None
    assert rows[59].revenue_mom_growth == 0.5
    empty_before = days(spark, {59: ["10.00"]}, 60)
    assert empty_before[59].revenue_mom_growth is None


def test_yearly_growth_compares_the_same_thirty_days(spark):
    rows = days(spark, {0: ["100.00"], 365: ["300.00"], 394: ["50.00"]}, 396)
    assert rows[393].revenue_yoy_growth is None
    assert rows[394].revenue_yoy_growth == 2.5
    assert rows[395].revenue_yoy_growth is None  # the 30 days a year earlier sold nothing


def test_without_any_order_every_day_of_the_calendar_has_a_row(spark):
    rows = days(spark, {}, 3)
    assert {day: row.orders_count for day, row in rows.items()} == {0: 0, 1: 0, 2: 0}


def test_the_contract_completes_days_from_the_first_day_of_the_calendar(spark):
    assert GOLD_DAILY_METRICS.trailing is not None
    calendar = Calendar(FIRST, FIRST + timedelta(1))
    own = gold_daily_metrics(calendar, frame(spark, SILVER_ORDERS_MASTER, {"order_date": FIRST}))
    completed = GOLD_DAILY_METRICS.trailing.complete(own, calendar)
    assert set(completed.columns) == set(GOLD_DAILY_METRICS.column_names)
    assert set(completed.columns) - set(own.columns) == set(GOLD_DAILY_METRICS.trailing.columns)
    assert [row.orders_7d_avg for row in completed.orderBy("order_date").collect()] == [1.0, 0.5]
