"""The plan of a write of some days: which stored rows it replaces, and which other days it changes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from deltalake import write_deltalake

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.quoting import literal, spark_literal
from olist_assets.engine import write_plan
from olist_assets.engine.write_plan import Planner, Span, Stored, Write
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import orders, span
from olist_assets_tests.rows import arrow_rows, frame, store


@pytest.fixture
def planner(warehouse: Warehouse) -> Planner:
    return Planner(warehouse, PUBLISHED)


def order_rows(*ids_and_days: tuple[str, str]) -> list[dict]:
    return [{"order_id": id_, "order_date": date.fromisoformat(day)} for id_, day in ids_and_days]


def stored_orders(warehouse: Warehouse, spark, *ids_and_days: tuple[str, str]) -> Stored:
    """silver_orders with these rows, as the planner is given it."""
    store(warehouse, SILVER_ORDERS, *order_rows(*ids_and_days))
    return Stored(warehouse.open(SILVER_ORDERS.name), lambda: orders(spark, *ids_and_days))


def found(write: Write) -> set[tuple[str, str]]:
    return {(row.order_id, str(row.order_date)) for row in write.frame.collect()}


def test_a_span_ends_before_its_end():
    days = span("2018-01-02", "2018-01-03")
    assert days.predicate == "order_date >= DATE'2018-01-02' AND order_date < DATE'2018-01-04'"
    assert days.covers((date(2018, 1, 2), date(2018, 1, 3)))
    assert not days.covers((date(2018, 1, 1), date(2018, 1, 3)))
    assert not days.covers((date(2018, 1, 2), date(2018, 1, 4)))
    assert days.covers(None)


def test_a_table_without_days_is_replaced_as_a_whole(spark, planner):
    rows = orders(spark, ("a", "2018-01-01"))
    assert planner.plan(rows, SILVER_ORDERS, None, None) == Write(rows, None)


def test_a_first_write_has_the_rows_of_its_days_only(spark, planner):
    rows = orders(spark, ("a", "2018-01-01"), ("b", "2018-01-02"))
    write = planner.plan(rows, SILVER_ORDERS, span("2018-01-01"), None)
    assert (found(write), write.replaces) == ({("a", "2018-01-01")}, None)


def test_a_span_of_all_stored_days_replaces_the_table(spark, planner, warehouse):
    stored = stored_orders(warehouse, spark, ("a", "2018-01-01"), ("b", "2018-01-02"))
    write = planner.plan(orders(spark, ("c", "2018-01-01")), SILVER_ORDERS, span("2018-01-01", "2018-01-02"), stored)
    assert (found(write), write.replaces) == ({("c", "2018-01-01")}, None)


def test_a_small_table_is_written_as_a_whole_with_the_rows_of_other_days_that_have_not_moved(spark, planner, warehouse):
    stored = stored_orders(warehouse, spark, ("a", "2018-01-01"), ("moves", "2018-01-01"), ("b", "2018-01-02"))
    write = planner.plan(orders(spark, ("moves", "2018-01-02")), SILVER_ORDERS, span("2018-01-02"), stored)
    assert (found(write), write.replaces) == ({("a", "2018-01-01"), ("moves", "2018-01-02")}, None)


def test_of_a_large_table_only_the_days_and_the_rows_that_moved_into_them_are_replaced(
    spark, planner, warehouse, monkeypatch
):
    monkeypatch.setattr(write_plan, "ROWS_PER_FILE", 2)
    stored = stored_orders(warehouse, spark, ("a", "2018-01-01"), ("it's", "2018-01-01"), ("b", "2018-01-02"))
    days = span("2018-01-02")
    write = planner.plan(orders(spark, ("b", "2018-01-02")), SILVER_ORDERS, days, stored)
    assert (found(write), write.replaces) == ({("b", "2018-01-02")}, days.predicate)
    write = planner.plan(orders(spark, ("it's", "2018-01-02")), SILVER_ORDERS, days, stored)
    assert found(write) == {("it's", "2018-01-02")}
    assert write.predicate(spark_literal) == f"({days.predicate}) OR (order_id = 'it\\'s')"
    assert write.predicate(literal) == f"({days.predicate}) OR (order_id = 'it''s')"


def test_a_table_with_trailing_columns_is_completed_as_a_whole(spark, planner, warehouse):
    rows = [
        {"order_date": date(2018, 1, day), "orders_count": count, "revenue": Decimal(1), "orders_7d_avg": 99.0}
        for day, count in ((1, 7), (2, 7), (3, 7))
    ]
    store(warehouse, GOLD_DAILY_METRICS, *rows)
    stored = Stored(warehouse.open(GOLD_DAILY_METRICS.name), lambda: frame(spark, GOLD_DAILY_METRICS, *rows))
    assert GOLD_DAILY_METRICS.trailing is not None
    again = {"order_date": date(2018, 1, 2), "orders_count": 14, "revenue": Decimal(1)}
    own = frame(spark, GOLD_DAILY_METRICS, again).drop(*GOLD_DAILY_METRICS.trailing.columns)
    write = planner.plan(own, GOLD_DAILY_METRICS, span("2018-01-02"), stored)
    assert write.replaces is None
    averages = {str(row.order_date): row.orders_7d_avg for row in write.frame.collect()}
    assert averages == {"2018-01-01": 1.0, "2018-01-02": 3.0, "2018-01-03": 4.0}


def versions(warehouse: Warehouse, table, before: list[dict], after: list[dict]):
    """A table before and after a write, without Spark."""
    store(warehouse, table, *before)
    old = warehouse.open(table.name)
    write_deltalake(
        str(warehouse.path(table.name)), arrow_rows(table, *after).cast(old.to_pyarrow_table().schema), mode="overwrite"
    )
    return old, warehouse.open(table.name)


def test_days_that_rows_moved_away_from_are_changed_and_days_with_their_own_changes_are_not(planner, warehouse):
    before = order_rows(("a", "2018-01-01"), ("moves", "2018-01-05"), ("b", "2018-01-03"))
    after = order_rows(("a", "2018-01-01"), ("moves", "2018-01-02"), ("b", "2018-01-03"))
    old, new = versions(warehouse, SILVER_ORDERS, before, after)
    assert planner.other_days_changed(old, new, SILVER_ORDERS, span("2018-01-02")) == (date(2018, 1, 5),)
    assert planner.other_days_changed(None, new, SILVER_ORDERS, span("2018-01-02")) == ()


def test_days_within_the_look_back_after_the_span_are_changed(planner, warehouse):
    assert GOLD_DAILY_METRICS.trailing is not None
    last_in_reach = date.fromordinal(date(2018, 1, 2).toordinal() + GOLD_DAILY_METRICS.trailing.days)
    beyond = date.fromordinal(last_in_reach.toordinal() + 1)
    rows = [{"order_date": day} for day in (date(2018, 1, 1), date(2018, 1, 2), last_in_reach, beyond)]
    old, new = versions(warehouse, GOLD_DAILY_METRICS, rows, rows)
    assert planner.other_days_changed(old, new, GOLD_DAILY_METRICS, span("2018-01-02")) == (last_in_reach,)


def test_a_large_write_is_divided_by_its_share_of_the_rows(spark, planner, warehouse, monkeypatch):
    rows, days = orders(spark, ("a", "2018-01-01")), (PUBLISHED.last - PUBLISHED.first).days + 1
    whole, tenth = (Span("order_date", PUBLISHED.first, PUBLISHED.first + timedelta(n)) for n in (days, days // 10))
    assert planner.plan(rows, SILVER_ORDERS, whole, None).ranges == ()
    store(warehouse, BRONZE["orders"], *({"order_id": str(at)} for at in range(40)))
    monkeypatch.setattr(write_plan, "ROWS_PER_RANGE", 10)
    ranges = planner.plan(rows, SILVER_ORDERS, whole, None).ranges
    assert (len(ranges), ranges[0]) == (4, PUBLISHED.first)
    assert sorted(ranges) == list(ranges)
    assert planner.plan(rows, SILVER_ORDERS, tenth, None).ranges == ()
