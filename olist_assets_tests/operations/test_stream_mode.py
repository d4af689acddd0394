"""Tables that order events feed need no file: not before a run, not for the days, not for the doctor. On Sail."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.lakehouse.order_days import source_days
from olist_assets.operations.doctor import examine
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import materialize, requested
from olist_assets_tests.conftest import ENGINE
from olist_assets_tests.order_events.messages import append, event, merge, order

pytestmark = pytest.mark.skipif(ENGINE != "sail", reason="messages are appended by deltalake")
LATER = "2019-01-05 10:00:00"


@pytest.fixture
def fed(spark, settings, tmp_path) -> Platform:
    """All nine tables fed by one event each, and no folder of files."""
    platform = Platform(settings.model_copy(update={"data": tmp_path / "no files"}))
    records: dict[str, dict[str, Any]] = {
        subject: dict.fromkeys(source.columns, "x") for subject, source in SOURCES.items()
    }
    records["orders"] = order("o", order_purchase_timestamp=LATER)
    append(platform.warehouse, *(event(record, 1, table=subject) for subject, record in records.items()))
    merge(platform.warehouse)
    return platform


def test_a_run_reads_the_events_and_has_their_days(fed):
    platform, request = requested(fed, "bronze_orders,bronze_geolocation", None)
    assert platform.calendar == Calendar(date(2019, 1, 5), date(2019, 1, 5))
    report = materialize(platform, request, lambda *_: None)
    assert (report.failures, report.failed_checks, report.rows) == (
        {},
        [],
        {"bronze_orders": 1, "bronze_geolocation": 1},
    )


def test_a_table_that_no_event_feeds_still_needs_its_file(fed, sample):
    fed.warehouse.path("bronze_sellers").rename(fed.warehouse.root / "moved away")
    _, request = requested(fed, "bronze_sellers", None)
    with pytest.raises(OlistError, match="There is no data"):
        materialize(fed, request, lambda *_: None)
    with_files = Platform(fed.settings.model_copy(update={"data": sample}))
    assert materialize(with_files, request, lambda *_: None).rows["bronze_sellers"] > 1


def test_an_order_far_from_the_others_is_named_by_its_event(fed):
    append(fed.warehouse, *(event(order(f"n{n}", order_purchase_timestamp=LATER), 2 + n) for n in range(2)), offset=9)
    append(fed.warehouse, event(order("old", order_purchase_timestamp="2001-01-01 10:00:00"), 8), offset=11)
    merge(fed.warehouse)
    with pytest.raises(OlistError, match="The event 8 lies furthest from the others"):
        source_days(fed.warehouse)


def test_orders_without_a_valid_time_have_no_days(fed):
    append(fed.warehouse, event(order("o", order_purchase_timestamp="soon"), 2), offset=9)
    merge(fed.warehouse)
    with pytest.raises(OlistError, match="bronze_orders has no order with a valid order_purchase_timestamp"):
        source_days(fed.warehouse)


def test_doctor_says_what_feeds_bronze_and_why_kafka_does_not_answer(fed):
    found = {finding.subject: finding for finding in examine(replace(fed))}
    assert not found["source data"].is_problem
    assert found["source data"].text.startswith("order events feed customers, orders,")
    assert found["source data"].text.endswith("orders from 2019-01-05")
    assert found["order events"].is_warning
    assert found["order events"].text.startswith("No Kafka answers at ")


def test_doctor_says_that_files_feed_the_other_tables(fed, sample):
    fed.warehouse.path("bronze_sellers").rename(fed.warehouse.root / "moved away")
    found = {f.subject: f for f in examine(Platform(fed.settings.model_copy(update={"data": sample})))}
    assert found["source data"].text.startswith("1 file in ")
    assert ", order events feed customers, " in found["source data"].text
