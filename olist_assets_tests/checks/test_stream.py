"""Checks of order events: they pass on what the stream makes, and fail on the fault that each exists for. On Sail."""

from datetime import UTC, datetime

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.checks import replay
from olist_assets.order_events.batches import EVENTS
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets.streaming.bronze_order_events import BRONZE_ORDER_EVENTS
from olist_assets.streaming.monitoring_stream import MONITORING_STREAM
from olist_assets_tests.checks.verdicts import metrics, verdict, verdicts
from olist_assets_tests.conftest import ENGINE
from olist_assets_tests.order_events.messages import append, deletion, event, merge, order
from olist_assets_tests.rows import store

ORDERS, SELLERS = BRONZE["orders"], BRONZE["sellers"]
pytestmark = pytest.mark.skipif(ENGINE != "sail", reason="messages are appended by deltalake")
REPLAY, ROWS, DRIFT = "current_state_equals_replay", "row_count_matches_file", "source_matches_contract"
NO_DIFFERENCE = {"missing": 0, "extra": 0, "different": 0, "not_judged": 0}


@pytest.fixture
def fed(spark, warehouse):
    """Orders from a file and from events: a and b of the file, b changed, c created, d deleted, an unreadable event."""
    store(warehouse, ORDERS, *({"order_id": id_, "source_sequence": None} for id_ in "abd"))
    append(
        warehouse, event(order("b"), 2), event(order("c"), 3), ("x", "no event"), deletion("d", 4), event(order("c"), 1)
    )
    merge(warehouse)
    return warehouse


def change(warehouse, sql):
    """Change the stored orders behind the stream's back, in a commit that says nothing of a batch."""
    table = warehouse.open(ORDERS.name)
    if sql.startswith("DELETE"):
        table.delete(sql.removeprefix("DELETE "))
    else:
        column, _, where = sql.partition(" WHERE ")
        table.update(dict([column.split("=")]), predicate=where)


def test_what_the_stream_makes_satisfies_all_its_checks(fed):
    append(fed, event({"seller_id": "s", "seller_state": "SP"}, 5, table="sellers"), offset=5)
    merge(fed)
    for table in (BRONZE_ORDER_EVENTS, MONITORING_STREAM, ORDERS, SELLERS):
        results = verdicts(fed, table)
        failed = {name for name, result in results.items() if not result.passed}
        # The events of this test have few columns, and the sample lies elsewhere.
        assert failed <= {DRIFT, "data_are_fresh"}, table.name
    assert metrics(verdict(fed, ORDERS, REPLAY)) == NO_DIFFERENCE
    assert metrics(verdict(fed, ORDERS, ROWS)) == {
        "rows": 3, "of_the_file": 1, "of_events": 2, "repeated": 0, "not_judged": 0,
    }  # fmt: skip
    assert metrics(verdict(fed, MONITORING_STREAM, "no_event_is_lost"))["counted"] == 6


@pytest.mark.parametrize(
    ("sql", "found", "rows_match"),
    [
        ("DELETE order_id = 'c'", {"missing": 1}, False),
        ("order_status='other' WHERE order_id = 'c'", {"different": 1}, True),
        ("source_sequence=9 WHERE order_id = 'a'", {"extra": 1}, False),
        ("order_id='d' WHERE order_id = 'a'", {"extra": 1}, False),
        ("source_sequence=NULL WHERE order_id = 'b'", {"different": 1}, True),
        ("order_status='other' WHERE order_id = 'a'", {}, True),
    ],
    ids=["lost", "changed", "from nowhere", "revived", "not taken", "of the file: not the stream's"],
)
def test_a_table_that_differs_from_the_events_is_found_out(fed, sql, found, rows_match):
    change(fed, sql)
    result = verdict(fed, ORDERS, REPLAY)
    assert metrics(result) == NO_DIFFERENCE | found
    assert result.passed is (found == {})
    assert verdict(fed, ORDERS, ROWS).passed is rows_match


def test_a_record_that_newer_messages_are_about_is_not_judged(fed):
    append(fed, event(order("c"), 8), event(order("new"), 9), offset=5)
    change(fed, "order_status='other' WHERE order_id = 'c'")
    assert metrics(verdict(fed, ORDERS, REPLAY)) == NO_DIFFERENCE | {"not_judged": 2}
    assert verdict(fed, ORDERS, ROWS).passed
    merge(fed)
    assert metrics(verdict(fed, ORDERS, REPLAY)) == NO_DIFFERENCE


def test_a_key_that_the_file_has_twice_is_no_difference(spark, warehouse):
    store(warehouse, ORDERS, *({"order_id": "a", "source_sequence": None} for _ in range(2)))
    append(warehouse, event(order("a"), 1))
    merge(warehouse)
    assert metrics(verdict(warehouse, ORDERS, REPLAY)) == NO_DIFFERENCE
    assert metrics(verdict(warehouse, ORDERS, ROWS))["repeated"] == 1


ORDER = '"after":{"order_id":"c","order_status":"new"}'
AMBIGUOUS = (
    '{"table":"orders","op":"u","seq":8,"seq":9,' + ORDER + "}",
    '{"table":"orders","op":"u","seq":9,"seq":4,' + ORDER + "}",
    '{"table":"orders","op":"u","seq":9,"seq":null,' + ORDER + "}",
    '{"table":"orders","op":"u","seq":9,"s\\u0065q":10,' + ORDER + "}",
    '{"table":"orders","op":"d","op":"u","seq":9,' + ORDER + "}",
    '{"table":"orders","table":"sellers","op":"u","seq":9,"after":{"order_id":"c","seller_id":"c"}}',
    '{"table":"orders","op":"u","seq":9,"after":{"order_id":"b"},' + ORDER + "}",
    '{"table":"orders","op":"u","seq":9,' + ORDER + ',"after":null}',
    '{"op":"u","source":{"table":"orders","lsn":9,"lsn":10},' + ORDER + "}",
    '{"op":"u","source":{"table":"orders","lsn":9},"source":{"table":"sellers","lsn":10},' + ORDER + "}",
    '{"payload":{"table":"orders","op":"u","seq":9,"seq":10,' + ORDER + "}}",
    '{"payload":{"table":"orders","op":"u","seq":9,' + ORDER + '},"payload":"none"}',
)


@pytest.mark.parametrize("value", AMBIGUOUS)
def test_a_field_that_an_event_has_twice_is_read_as_the_stream_reads_it(fed, value):
    append(fed, event({"seller_id": "s"}, 5, table="sellers"), ("c", value), offset=5)
    merge(fed)
    for table in (ORDERS, SELLERS):
        assert metrics(verdict(fed, table, REPLAY)) == NO_DIFFERENCE, table.name


def test_the_end_of_a_batch_is_known_without_its_commit(fed, monkeypatch):
    monkeypatch.setattr(replay, "merge_commit", lambda *_: None)
    assert metrics(verdict(fed, ORDERS, REPLAY)) == NO_DIFFERENCE


def test_events_that_lack_columns_have_others_or_values_of_another_type_are_drift(fed):
    differences = metrics(verdict(fed, ORDERS, DRIFT))["differences"]
    assert "order_status" in differences["missing"]
    records = [order(f"n{at}", order_approved_at="01/02/2018", gift="yes") for at in range(20)]
    append(fed, *(event(record, 10 + at) for at, record in enumerate(records)), offset=5)
    merge(fed)
    differences = metrics(verdict(fed, ORDERS, DRIFT))["differences"]
    assert differences["added"] == ["gift"]
    assert differences["retyped"][0].startswith("order_approved_at was a time like")


def test_tables_without_events_pass_and_need_no_table_of_the_stream(warehouse):
    store(warehouse, SELLERS, {"seller_id": "s"})
    result = verdict(warehouse, SELLERS, REPLAY)
    assert (result.passed, metrics(result)) == (True, {"order_events": "none have changed this table"})
    for table in (BRONZE_ORDER_EVENTS, MONITORING_STREAM):
        assert all(result.passed for result in verdicts(warehouse, table).values())


def test_a_gap_is_named_with_its_partition(warehouse):
    name = "offsets_are_contiguous"
    store(warehouse, BRONZE_ORDER_EVENTS, *({"partition": 1, "offset": at} for at in (5, 6)), {"partition": 2})
    assert verdict(warehouse, BRONZE_ORDER_EVENTS, name).passed
    store(warehouse, BRONZE_ORDER_EVENTS, *({"partition": 1, "offset": at} for at in (5, 6, 9)), {"partition": 2})
    result = verdict(warehouse, BRONZE_ORDER_EVENTS, name)
    assert (result.passed, metrics(result)) == (
        False,
        {
            "gaps": 1,
            "missing": 2,
            "first_gaps": [{"topic": "x", "partition": 1, "missing": 2, "before_offset": 9}],
        },
    )


def finished(number, start, end, **counts):
    """A finished batch of the offsets of partition 0."""
    rows = counts.pop("rows", end - start)
    offsets = {f"offsets_{name}": f'{{"x": {{"0": {at}}}}}' for name, at in (("from", start), ("to", end))}
    parts = {"applied": rows, "superseded": 0, "rejected": 0}
    return {"query": "q", "batch": number, "rows": rows, **offsets, **parts, "lag_seconds": 1.0, **counts}


LOST = {
    "counted once more": [finished(0, 0, 2), finished(1, 2, 4, rows=3)],
    "in no batch": [finished(0, 0, 2), finished(1, 3, 4)],
    "in two batches": [finished(0, 0, 3), finished(1, 2, 4)],
    "neither applied nor rejected": [finished(0, 0, 2), finished(1, 2, 4, applied=1)],
    "a batch is missing": [finished(0, 0, 2), finished(2, 2, 4)],
}


@pytest.mark.parametrize("batches", LOST.values(), ids=LOST)
def test_a_message_that_no_batch_or_more_than_one_has_is_lost(warehouse, batches):
    store(warehouse, BRONZE_ORDER_EVENTS, *({"partition": 0, "offset": at} for at in range(5)))
    store(warehouse, MONITORING_STREAM, finished(0, 0, 2), finished(1, 2, 4))
    assert verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed
    store(warehouse, MONITORING_STREAM, *batches)
    assert not verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed


def test_rejected_messages_are_among_the_rejects(warehouse):
    reject = {"table": EVENTS, "reason": "bad_event"}
    store(warehouse, BRONZE_ORDER_EVENTS, *({"partition": 0, "offset": at} for at in range(4)))
    of_a_day = datetime(2018, 11, 1, tzinfo=UTC)
    store(warehouse, MONITORING_STREAM, finished(0, 0, 3, applied=2, rejected=1, committed_at=of_a_day))
    # The one of a message that no batch has yet does not count.
    store(warehouse, SILVER_REJECTS, *(reject | {"key": f"x/0/{at}"} for at in (1, 3)))
    assert verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed
    store(warehouse, SILVER_REJECTS, reject | {"key": "x/0/3"})
    result = verdict(warehouse, MONITORING_STREAM, "no_event_is_lost")
    assert (result.passed, metrics(result)["in_silver_rejects"]) == (False, 0)
    # Rejects from before the batch know nothing of it.
    later = finished(0, 0, 3, applied=2, rejected=1, committed_at=datetime(2100, 1, 1, tzinfo=UTC))
    store(warehouse, MONITORING_STREAM, later)
    assert verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed


def test_a_batch_that_is_later_than_usual_and_messages_that_wait_are_late(warehouse):
    def lags(*seconds):
        batches = (finished(at, at, at + 1, lag_seconds=lag) for at, lag in enumerate(seconds))
        store(warehouse, MONITORING_STREAM, *batches)
        return verdict(warehouse, MONITORING_STREAM, "stream_lag_is_usual")

    store(warehouse, BRONZE_ORDER_EVENTS, *({"partition": 0, "offset": at} for at in range(5)))
    assert lags(1.0, 2.0, 1.5, 2.0, 50.0).passed
    assert not lags(1.0, 2.0, 1.5, 2.0, 500.0).passed
    assert lags(500.0, 600.0, 550.0, 500.0, 1.0).passed
    result = lags(1.0, 1.0, 1.0, 1.0)
    assert (result.passed, metrics(result)["messages_waiting"]) == (False, 1)
