"""The Streaming page: figures of the batches, events per minute, rejects and changed days."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from olist_assets.dashboard.streaming.data import Span, batches, changed_days, per_minute, rejects, totals
from olist_assets.dashboard.streaming.page import _ago
from olist_assets.lakehouse.history_table import append_new
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets.streaming.monitoring_stream import MONITORING_STREAM
from olist_assets_tests.dashboard.conftest import messages, report, shown
from olist_assets_tests.rows import store

LAST = datetime(2026, 11, 27, 12, 30, 10, tzinfo=UTC)


def batch(number: int, age: timedelta, applied: int, superseded: int, rejected: int, lag: float = 1.0) -> dict:
    rows = applied + superseded + rejected
    return {
        "query": "order_events", "batch": number, "offsets_from": "{}", "offsets_to": "{}", "rows": rows,
        "applied": applied, "superseded": superseded, "rejected": rejected, "days_touched": 1, "seconds": 0.5,
        "lag_seconds": lag, "committed_at": LAST - age,
    }  # fmt: skip


@pytest.fixture
def stream(warehouse: Warehouse) -> None:
    """Three batches: two in the last minute, one of two days before."""
    rows = [
        batch(0, timedelta(days=2), 5, 0, 0),
        batch(1, timedelta(seconds=5), 3, 2, 1, lag=2.0),
        batch(2, timedelta(0), 4, 0, 0, lag=4.0),
    ]
    append_new(warehouse, MONITORING_STREAM, rows)


def test_page_without_a_batch_shows_the_commands_that_start_a_stream(settings: Settings):
    found = messages(shown("streaming"))
    assert "olist broker" in found
    assert "olist stream" in found


def test_page_counts_all_batches_and_lists_those_of_the_span(stream: None):
    app = shown("streaming")
    values = {metric.label: metric.value for metric in app.metric}
    assert (values["Messages"], values["Applied"], values["Superseded"], values["Rejected"]) == ("15", "12", "2", "1")
    assert list(app.dataframe[0].value["batch"]) == [2, 1]


@pytest.mark.parametrize(("span", "expected"), [(Span.HOUR, [2, 1]), (Span.DAY, [2, 1]), (Span.MONTH, [2, 1, 0])])
def test_batches_of_a_span_reach_back_from_the_last_one(stream: None, span: Span, expected: list[int]):
    assert list(batches(span)["batch"]) == expected


def test_events_of_one_minute_are_added_by_kind(stream: None):
    found = per_minute(Span.HOUR)
    assert dict(zip(found["kind"], found["events"], strict=True)) == {"applied": 7, "rejected": 1, "superseded": 2}
    assert found["minute"].nunique() == 1


def test_the_lag_is_a_percentile_over_all_batches(stream: None):
    assert totals()["lag_95"] == pytest.approx(3.8)


def test_rejects_are_those_of_the_topic(stream: None, warehouse: Warehouse):
    store(
        warehouse, SILVER_REJECTS,
        {"table": "bronze_order_events", "key": "t/0/7", "reason": "bad_event"},
        {"table": "bronze_orders", "key": "o", "reason": "bad_cast"},
    )  # fmt: skip
    assert list(rejects()["key"]) == ["t/0/7"]
    assert "t/0/7" in str(shown("streaming").dataframe[1].value)


def test_changed_days_are_those_reported_to_dagster(stream: None, storage: dg.DagsterInstance):
    assert changed_days().empty
    report(storage, dg.AssetMaterialization("bronze_orders", metadata={"changed_days": ["2017-11-24..2017-11-26"]}))
    report(storage, dg.AssetMaterialization("bronze_orders", metadata={"changed_days": []}))
    assert list(changed_days()["days"]) == [["2017-11-24..2017-11-26"]]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
)
def test_an_age_is_written_in_its_largest_unit(seconds: float, text: str):
    assert _ago(seconds) == text
