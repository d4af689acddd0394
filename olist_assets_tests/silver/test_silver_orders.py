"""silver_orders: delivered orders only, in whole calendar days."""

from datetime import date

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_orders import silver_orders
from olist_assets_tests.rows import frame, only


def delivered(spark, *orders):
    customers = frame(spark, SILVER_CUSTOMERS, {"customer_id": "x"})
    return silver_orders(frame(spark, BRONZE["orders"], *orders), customers)


def test_only_delivered_orders_are_kept(spark):
    rows = delivered(spark, {"order_id": "a"}, {"order_id": "b", "order_status": "canceled"}, {"order_id": "c"})
    assert sorted(row.order_id for row in rows.collect()) == ["a", "c"]


def test_an_order_of_an_unknown_customer_is_not_kept(spark):
    assert delivered(spark, {"customer_id": "gone"}).isEmpty()


@pytest.mark.parametrize(
    ("received", "days", "delay"),
    [
        ("2018-01-12 08:00:00", 11, 2),
        ("2018-01-10 23:59:59", 9, 0),
        ("2018-01-02 00:00:00", 1, -8),
        (None, None, None),
    ],
)
def test_days_are_whole_calendar_days_and_null_without_delivery(spark, received, days, delay):
    row = only(delivered(spark, {"order_delivered_customer_date": received}))
    assert (row.order_date, row.delivery_days, row.delivery_delay) == (date(2018, 1, 1), days, delay)


def test_an_order_just_before_midnight_belongs_to_the_ending_day(spark):
    late = {"order_purchase_timestamp": "2018-01-01 23:59:59"}
    assert only(delivered(spark, late)).order_date == date(2018, 1, 1)
