"""A snapshot of the orders reports the days that it changed, and keeps its first and last day beside the tables."""

import json

import dagster as dg
import pytest
from dagster import DagsterEventType

from olist_assets.catalog import catalog
from olist_assets.lakehouse.order_days import stored_calendar
from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import make
from olist_assets_tests.engine.writing import commit_fields, materialize
from olist_assets_tests.rows import frame

BRONZE_ORDERS = catalog().table("bronze_orders")

pytestmark = pytest.mark.engines


def received(spark, *ids_and_times: tuple[str, str]):
    """Rows of bronze_orders."""
    return frame(
        spark, BRONZE_ORDERS, *({"order_id": id_, "order_purchase_timestamp": time} for id_, time in ids_and_times)
    )


def changed_days(result: dg.ExecuteInProcessResult) -> object:
    (written,) = result.asset_materializations_for_node(BRONZE_ORDERS.name)
    return written.metadata["changed_days"].value


def order_days(warehouse) -> dict[str, str]:
    return json.loads((warehouse.root / "order_days.json").read_text())


def test_a_run_of_the_orders_has_its_code_version_its_days_and_the_days_of_the_source(spark, platform: Platform):
    in_code = platform.graph.get(dg.AssetKey("bronze_orders")).code_version
    report = make(platform, "bronze_orders")
    assert report.succeeded
    assert in_code is not None
    assert len(in_code) == 16
    assert commit_fields(platform.warehouse, "bronze_orders")["code_version"] == in_code
    with platform.instance() as storage:
        (record,) = storage.fetch_materializations(dg.AssetKey("bronze_orders"), limit=10).records
        (entry,) = storage.all_logs(report.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    written = record.asset_materialization
    assert written is not None
    assert written.tags is not None
    assert written.tags["dagster/code_version"] == in_code
    assert entry.run_id == commit_fields(platform.warehouse, "bronze_orders")["run_id"]
    # A first snapshot changes every day that has an order: spans without gaps, between the source's first and last day.
    days = written.metadata["changed_days"].value
    source = platform.source_calendar()
    assert isinstance(days, list)
    assert str(days[0]).split("..")[0] == str(source.first)
    assert str(days[-1]).split("..")[-1] == str(source.last)
    assert order_days(platform.warehouse) == {"first": str(source.first), "last": str(source.last)}
    assert stored_calendar(platform.warehouse) == source


def test_a_later_snapshot_changes_its_new_days_and_the_days_of_moved_orders_only(spark, manager, warehouse):
    first = [("a", "2018-01-01 10:00:00"), ("b", "2018-01-02 10:00:00"), ("c", "2018-01-07 10:00:00")]
    written = materialize(manager, BRONZE_ORDERS, received(spark, *first))
    assert changed_days(written) == ["2018-01-01..2018-01-07"]
    assert order_days(warehouse) == {"first": "2018-01-01", "last": "2018-01-07"}
    assert changed_days(materialize(manager, BRONZE_ORDERS, received(spark, *first))) == []
    # b moves to the day after; d is new, and with it the day before, which has no order.
    later = [first[0], ("b", "2018-01-03 10:00:00"), first[2], ("d", "2018-01-09 10:00:00")]
    written = materialize(manager, BRONZE_ORDERS, received(spark, *later))
    assert changed_days(written) == ["2018-01-02..2018-01-03", "2018-01-08..2018-01-09"]
    assert order_days(warehouse) == {"first": "2018-01-01", "last": "2018-01-09"}


def test_an_order_without_a_valid_time_belongs_to_no_day(spark, manager, warehouse):
    rows = received(spark, ("a", "2018-01-01 10:00:00"), ("broken", "not a time"))
    assert changed_days(materialize(manager, BRONZE_ORDERS, rows)) == ["2018-01-01"]
    assert changed_days(materialize(manager, BRONZE_ORDERS, received(spark, ("broken", "not a time")))) == [
        "2018-01-01"
    ]
    # A snapshot without any day keeps the days of the one before.
    assert order_days(warehouse) == {"first": "2018-01-01", "last": "2018-01-01"}


@pytest.mark.parametrize("name", ["bronze_sellers"])
def test_other_snapshots_report_no_days(spark, manager, warehouse, name):
    table = catalog().table(name)
    (written,) = materialize(manager, table, frame(spark, table, {})).asset_materializations_for_node(name)
    assert "changed_days" not in written.metadata
    assert not (warehouse.root / "order_days.json").exists()
