"""A write of some days of a daily table changes those days and no other, except for orders that moved between days."""

from datetime import date
from decimal import Decimal

import pytest
from deltalake import DeltaTable

from olist_assets.engine import write_plan
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import FIELDS, materialize, orders, rows_by_partition, span, stored_orders
from olist_assets_tests.rows import frame

pytestmark = pytest.mark.engines


def set_rows_per_file(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """The size of a file, and with it of the largest table that is written as a whole."""
    monkeypatch.setattr(write_plan, "ROWS_PER_FILE", rows)


def test_a_day_written_again_replaces_that_day_and_no_other(spark, manager, warehouse):
    first = orders(spark, ("a", "2018-01-01"), ("b", "2018-01-02"), ("c", "2018-01-03"))
    materialize(manager, SILVER_ORDERS, first, "2018-01-01..2018-01-03")
    materialize(manager, SILVER_ORDERS, orders(spark, ("x", "2018-01-02"), ("y", "2018-01-02")), "2018-01-02")
    assert stored_orders(warehouse) == {
        ("a", "2018-01-01"),
        ("x", "2018-01-02"),
        ("y", "2018-01-02"),
        ("c", "2018-01-03"),
    }


def test_rows_of_other_days_than_the_runs_are_not_written(spark, manager, warehouse):
    rows = orders(spark, ("early", "2017-12-31"), ("a", "2018-01-01"), ("late", "2018-01-02"))
    for _ in range(2):  # the first write creates the table, the second replaces
        materialize(manager, SILVER_ORDERS, rows, "2018-01-01")
        assert stored_orders(warehouse) == {("a", "2018-01-01")}


def test_a_day_without_rows_becomes_empty(spark, manager, warehouse):
    rows = orders(spark, ("a", "2018-01-01"), ("b", "2018-01-02"))
    materialize(manager, SILVER_ORDERS, rows, "2018-01-01..2018-01-02")
    materialize(manager, SILVER_ORDERS, orders(spark), "2018-01-01")
    assert stored_orders(warehouse) == {("b", "2018-01-02")}


def test_dagster_has_the_rows_of_each_day_of_a_range(spark, manager):
    rows = orders(spark, ("a", "2018-01-01"), ("b", "2018-01-03"), ("c", "2018-01-03"))
    result = materialize(manager, SILVER_ORDERS, rows, "2018-01-01..2018-01-03")
    assert rows_by_partition(result, SILVER_ORDERS) == {"2018-01-01": 1, "2018-01-02": 0, "2018-01-03": 2}


@pytest.mark.parametrize("rows_per_file", [write_plan.ROWS_PER_FILE, 1], ids=["one file", "many files"])
def test_an_order_that_moved_is_on_its_new_day_only_and_dagster_has_both_days(
    spark, manager, warehouse, monkeypatch, rows_per_file
):
    set_rows_per_file(monkeypatch, rows_per_file)
    first = orders(spark, ("stays", "2018-01-01"), ("it's moved", "2018-01-01"), ("late", "2018-01-05"))
    materialize(manager, SILVER_ORDERS, first, "2018-01-01..2018-01-05")
    before = warehouse.open(SILVER_ORDERS.name).version()
    result = materialize(manager, SILVER_ORDERS, orders(spark, ("it's moved", "2018-01-03")), "2018-01-03")
    assert stored_orders(warehouse) == {("stays", "2018-01-01"), ("it's moved", "2018-01-03"), ("late", "2018-01-05")}
    assert rows_by_partition(result, SILVER_ORDERS) == {"2018-01-01": 1, "2018-01-03": 1}
    assert warehouse.open(SILVER_ORDERS.name).version() == before + 1


def test_rows_are_sorted_by_day_so_that_files_can_be_skipped(spark, manager, warehouse):
    rows = orders(spark, *((str(at), f"2018-01-{31 - at:02}") for at in range(31)))
    materialize(manager, SILVER_ORDERS, rows.repartition(4), "2018-01-01..2018-01-31")
    stored = DeltaTable(str(warehouse.path(SILVER_ORDERS.name))).to_pyarrow_dataset().to_table()
    days = stored["order_date"].to_pylist()
    assert len(days) == 31
    assert days == sorted(days)


TRAILING = GOLD_DAILY_METRICS.trailing or pytest.fail("the table has trailing columns")


def daily(spark, *days_and_orders):
    """Rows of gold_daily_metrics as its asset returns them, without trailing columns."""
    rows = [
        {"order_date": date.fromisoformat(day), "orders_count": count, "revenue": Decimal(count * 10)}
        for day, count in days_and_orders
    ]
    return frame(spark, GOLD_DAILY_METRICS, *rows).drop(*TRAILING.columns)


def averages(warehouse):
    stored = warehouse.open(GOLD_DAILY_METRICS.name).to_pyarrow_table()
    return {str(row["order_date"]): row["orders_7d_avg"] for row in stored.to_pylist()}


def test_days_that_look_back_at_a_rerun_day_are_refreshed_with_it_and_others_are_not(spark, manager, warehouse):
    far = "2019-03-01"  # 424 days after the first: beyond any look-back
    assert (date.fromisoformat(far) - date(2018, 1, 1)).days > TRAILING.days
    first = daily(spark, ("2018-01-01", 7), ("2018-01-02", 7), ("2018-01-05", 7), (far, 7))
    manager.store(first, GOLD_DAILY_METRICS, span("2018-01-01", "2019-03-31"), FIELDS)
    assert averages(warehouse) == {"2018-01-01": 1.0, "2018-01-02": 2.0, "2018-01-05": 3.0, far: 1.0}
    again = daily(spark, ("2018-01-01", 14))
    before, after, refreshed = manager.store(again, GOLD_DAILY_METRICS, span("2018-01-01"), FIELDS)
    assert averages(warehouse) == {"2018-01-01": 2.0, "2018-01-02": 3.0, "2018-01-05": 4.0, far: 1.0}
    assert refreshed == (date(2018, 1, 2), date(2018, 1, 5))
    assert after.version() == before.version() + 1


def test_days_written_out_of_order_get_the_same_trailing_columns(spark, manager, warehouse):
    for day, count in (("2018-01-03", 7), ("2018-01-01", 7), ("2018-01-02", 14)):
        manager.store(daily(spark, (day, count)), GOLD_DAILY_METRICS, span(day), FIELDS)
    assert averages(warehouse) == {"2018-01-01": 1.0, "2018-01-02": 3.0, "2018-01-03": 4.0}
