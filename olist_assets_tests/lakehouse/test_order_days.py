"""The days of the daily tables, and the days whose orders differ between two snapshots."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from deltalake import write_deltalake

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.contracts.calendar import PUBLISHED, Calendar
from olist_assets.contracts.table import Column
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.order_days import (
    calendar,
    changed_days,
    snapshot_calendar,
    store_calendar,
    stored_calendar,
)
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.rows import arrow_rows, store

ORDERS = BRONZE["orders"]
STORED = Calendar(date(2018, 1, 5), date(2018, 2, 5))
BAD = ("soon", "2081-99-99 00:00:00", "", None)


@pytest.fixture
def file(warehouse: Warehouse) -> Path:
    """The file of the stored days, of STORED."""
    warehouse.root.mkdir()
    store_calendar(warehouse, STORED)
    return warehouse.root / "order_days.json"


def test_the_published_days_are_used_until_there_is_a_snapshot(warehouse: Warehouse):
    assert stored_calendar(warehouse) is None
    assert calendar(warehouse) == PUBLISHED


def test_the_days_are_those_that_were_stored_with_the_last_snapshot(warehouse: Warehouse, file):
    assert calendar(warehouse) == stored_calendar(warehouse) == STORED
    store_calendar(warehouse, PUBLISHED)
    assert calendar(warehouse) == PUBLISHED


def test_the_days_of_the_settings_override_the_stored_ones(warehouse: Warehouse, file):
    settings = warehouse.settings.model_copy(update={"days": "2018-03-01..2018-03-02"})
    assert calendar(replace(warehouse, settings=settings)) == Calendar(date(2018, 3, 1), date(2018, 3, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"first": "2018-01',
        b"null",
        b"[]",
        b"{}",
        b'{"first": "2018-01-01"}',
        b'{"first": "2018-01-01", "last": "2018-99-99"}',
        b'{"first": 20180101, "last": 20180102}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_as_none(warehouse: Warehouse, file, content):
    file.write_bytes(content)
    assert stored_calendar(warehouse) is None
    assert calendar(warehouse) == PUBLISHED


def order(id_: str, at: str | None, status: str = "delivered", read_at: int = 1) -> dict:
    """An order; `at` is a day of January 2018, or any other text."""
    time = f"2018-01-{at} 23:59:59" if at and at.isdigit() else at
    ingested = datetime(2018, 12, read_at)
    columns = {"order_purchase_timestamp": time, "order_status": status, "ingestion_timestamp": ingested}
    return {"order_id": id_, **columns}


@pytest.fixture
def changed(warehouse: Warehouse):
    """The days of January 2018 whose orders differ between two snapshots."""

    def days(before: list[dict] | None, after: list[dict]) -> list[int]:
        for rows in (before, after):
            if rows is not None:
                store(warehouse, ORDERS, *rows)
        snapshot = warehouse.open(ORDERS.name)
        old = None if before is None else warehouse.open(ORDERS.name, snapshot.version() - 1)
        found = changed_days(warehouse, ORDERS, old, snapshot)
        assert list(found) == sorted(set(found))
        assert {(day.year, day.month) for day in found} <= {(2018, 1)}
        return [day.day for day in found]

    return days


BEFORE = [order("a", "05"), order("b", "05"), order("c", "20"), order("bad", "soon")]


@pytest.mark.parametrize(
    ("after", "days"),
    [
        (BEFORE, []),
        (BEFORE[::-1], []),
        ([order("a", "05", status="shipped"), *BEFORE[1:]], [5]),
        ([order("a", "07"), *BEFORE[1:]], [5, 7]),
        # The days without an order between the earlier calendar and the new days are new, too.
        ([*BEFORE, order("d", "03"), order("e", "23")], [3, 4, 21, 22, 23]),
        ([*BEFORE, order("d", "05")], [5]),
        ([*BEFORE, order("a", "05")], [5]),
        (BEFORE[1:], [5]),
        ([row for row in BEFORE if row["order_id"] != "c"], [20]),
        # Counts stay the same: b is lost, and a is there twice.
        ([BEFORE[0], *BEFORE[:1], *BEFORE[2:]], [5]),
        # Two orders exchange their status.
        ([order("a", "05", "x"), order("b", "20", "y")], [5, 20]),
    ],
    ids=[
        "unchanged", "another order of rows", "changed", "moved", "new days", "new", "repeated", "removed",
        "the last one of its day removed", "one lost and another repeated", "exchanged",
    ],
)  # fmt: skip
def test_changed_days_are_those_of_every_order_that_differs(changed, after, days):
    assert changed(BEFORE, after) == days


def test_a_later_read_of_the_same_file_changes_no_day(changed):
    assert changed([order("a", "05", read_at=1)], [order("a", "05", read_at=2)]) == []


def test_values_that_exchange_their_columns_change_the_day(changed):
    here = {**order("a", "05"), "order_approved_at": "x", "order_delivered_carrier_date": None}
    there = {**order("a", "05"), "order_approved_at": None, "order_delivered_carrier_date": "x"}
    assert changed([here], [there]) == [5]


def test_all_days_of_the_first_snapshot_are_changed(changed):
    assert changed(None, BEFORE) == list(range(5, 21))


@pytest.mark.parametrize("text", BAD)
def test_an_order_without_a_valid_time_is_of_no_day(changed, text):
    assert changed(BEFORE, [*BEFORE, order("d", text)]) == []
    # Its time was valid, or becomes so: the other snapshot has its day.
    assert changed([order("a", "05")], [order("a", text)]) == [5]
    assert changed([order("a", text)], [order("a", "05")]) == [5]


def test_a_snapshot_is_compared_with_one_that_lacks_a_column(warehouse: Warehouse):
    store(warehouse, ORDERS, order("a", "05"), order("b", "20"))
    before = warehouse.open(ORDERS.name)
    wider = replace(ORDERS, columns=(*ORDERS.columns, Column("channel", "string", "Sales channel.", nullable=True)))
    rows = arrow_rows(wider, {**order("a", "05"), "channel": None}, {**order("b", "20"), "channel": "app"})
    path = str(warehouse.path(ORDERS.name))
    write_deltalake(path, rows.cast(arrow_schema(wider)), mode="overwrite", schema_mode="overwrite")
    assert changed_days(warehouse, wider, before, warehouse.open(ORDERS.name)) == (date(2018, 1, 20),)


def test_the_calendar_of_a_snapshot_leaves_out_invalid_times(warehouse: Warehouse):
    bad = [order("bad", text) for text in BAD]
    store(warehouse, ORDERS, order("a", "20"), order("b", "05"), *bad)
    found = snapshot_calendar(warehouse, ORDERS, warehouse.open(ORDERS.name))
    assert found == Calendar(date(2018, 1, 5), date(2018, 1, 20))
    store(warehouse, ORDERS, *bad)
    assert snapshot_calendar(warehouse, ORDERS, warehouse.open(ORDERS.name)) is None
