"""What Dagster, the audit log and the calendar learn of merged order events."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from olist_assets.contracts.calendar import Calendar, span_text
from olist_assets.governance.audit_log import latest
from olist_assets.lakehouse.order_days import stored_calendar
from olist_assets.operations.order_stream import event_stream
from olist_assets.orchestration.in_process import execute
from olist_assets.orchestration.job_names import STREAM
from olist_assets.orchestration.order_changes import orders_changed_sensor
from olist_assets.order_events.reports import Reporter
from olist_assets_tests.order_events.events import order, send_orders


class Reported:
    """Reports to a list, as one process after the other would."""

    def __init__(self, platform, storage) -> None:
        self.platform, self.storage = platform, storage

    def __call__(self, batches=()) -> dict[str, dict[str, Any]]:
        """The metadata of what is reported now, by table."""
        found: list[dg.AssetMaterialization] = []
        Reporter(self.platform.warehouse, self.storage, found.append, pytest.fail).report(batches)
        return {
            each.asset_key.to_user_string(): {name: value.value for name, value in each.metadata.items()}
            for each in found
        }


@pytest.fixture
def reported(platform, storage) -> Reported:
    return Reported(platform, storage)


def test_a_report_has_each_changed_table_once_and_the_days_that_the_orders_changed(platform, kafka, stream, reported):
    send_orders(kafka, order(1, "2018-01-05"), order(2, "2018-01-07"))
    found = reported(stream.take_available())
    assert list(found) == ["bronze_order_events", "monitoring_stream", "bronze_orders"]
    assert found["bronze_order_events"]["dagster/row_count"] == 2
    assert found["bronze_orders"]["delta_version"] == platform.warehouse.open("bronze_orders").version()
    # The daily tables have a row for the day between them, too.
    assert found["bronze_orders"]["changed_days"] == ["2018-01-05..2018-01-07"]
    calendar = stored_calendar(platform.warehouse)
    assert calendar is not None
    assert span_text(calendar.days) == "2018-01-05..2018-01-07"
    assert reported() == {}


def test_the_reported_days_are_requested_by_the_sensor_for_changed_orders(platform, kafka, stream, storage):
    send_orders(kafka, order(1, "2018-01-05"), order(2, "2018-01-07"))
    Reporter(platform.warehouse, storage, storage.report_runless_asset_event, pytest.fail).report(
        stream.take_available()
    )
    assert requested(platform, storage, date(2018, 1, 7)) == ["2018-01-05..2018-01-07"]
    # A code location that was loaded before the last day existed asks for the others.
    assert requested(platform, storage, date(2018, 1, 6)) == ["2018-01-05..2018-01-06"]


def requested(platform, storage, last: date) -> list[str]:
    """The spans that `orders_changed` requests in a code location whose last day is this one."""
    sensor = orders_changed_sensor(platform.warehouse, Calendar(date(2018, 1, 1), last))
    result = sensor(dg.build_sensor_context(storage))
    assert isinstance(result, dg.SensorResult)
    bounds = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return ["..".join(request.tags[bound] for bound in bounds) for request in result.run_requests or []]


def test_what_a_killed_process_has_merged_is_reported_by_the_next_one(kafka, stream, reported):
    send_orders(kafka, order(1, "2018-01-05"), order(2, "2018-01-07"))
    reported(stream.take_available())
    send_orders(kafka, order(1, "2018-01-06", seq=2))
    stream.take_available()
    send_orders(kafka, order(3, "2018-01-07"))
    stream.take_available()
    assert reported()["bronze_orders"]["changed_days"] == ["2018-01-05..2018-01-07"]


def test_a_merge_without_effect_and_joined_files_are_not_reported(platform, kafka, stream, reported):
    send_orders(kafka, order(1))
    reported(stream.take_available())
    send_orders(kafka, order(1))
    stream.take_available()
    platform.engine.optimize(platform.warehouse.path("bronze_orders"), platform.catalog.table("bronze_orders"))
    assert set(reported()) == {"bronze_order_events", "monitoring_stream"}


def test_a_table_of_another_warehouse_in_the_same_place_is_new(platform, kafka, stream, reported):
    send_orders(kafka, order(1, "2018-01-05"))
    reported(stream.take_available())
    platform.warehouse.root.rename(platform.warehouse.root.with_name("before"))
    event_stream(platform, skip_missing=False).take_available()
    assert reported()["bronze_orders"]["changed_days"] == ["2018-01-05"]


def test_each_report_is_an_entry_of_the_audit_log(platform, kafka, stream, reported):
    send_orders(kafka, order(1), order(1, seq=2))
    reported(stream.take_available())
    (entry,) = latest(platform.warehouse, 10, {})
    assert (entry["action"], entry["rows"], entry["statement"]) == ("write", 1, "order events, batches 0..0")
    assert entry["tables"] == ["bronze_order_events", "bronze_orders"]


def test_the_job_takes_what_waits_and_logs_what_it_changed(platform, kafka, storage, spark):
    del spark
    send_orders(kafka, order(1))
    run_id = "00000000-0000-4000-8000-000000000001"
    execute(platform.definitions.resolve_job_def(STREAM), storage, run_id, {}, {})
    logged = storage.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    assert [record.asset_key.to_user_string() for record in logged if record.asset_key] == [
        "bronze_order_events", "monitoring_stream", "bronze_orders",
    ]  # fmt: skip
    (entry,) = latest(platform.warehouse, 10, {})
    assert entry["run_id"] == run_id
