"""A person is erased from order events: those that are stored, and those that come later."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.engine import TakeMessages
from olist_assets.engine.event_records import decoded
from olist_assets.engine.sail.messages import Appender
from olist_assets.governance import erasures
from olist_assets.governance.erasing import Found
from olist_assets.governance.erasures import Erasures
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import SCHEMA
from olist_assets.lakehouse.feeds import offset_stored
from olist_assets.lakehouse.removal import remove_earlier_versions
from olist_assets.operations.forget import forget
from olist_assets.operations.forget_events import erase_events
from olist_assets.operations.platform import Platform
from olist_assets.order_events.batches import EVENTS, TOMBSTONES
from olist_assets.order_events.erasing import EventErasure
from olist_assets.order_events.stream import EventStream
from olist_assets_tests.conftest import ENGINE, settings_in
from olist_assets_tests.operations.personal_events import (
    COMMENT,
    CUSTOMER,
    NEW_CUSTOMER,
    NEW_ORDER,
    ORDER,
    OTHER,
    PERSON,
    RECORDS,
    SECRET,
    THEIRS,
    TRACES,
    UNIQUE,
    Message,
    customer,
    event,
    hits,
    order,
    replayed,
    stored,
    traces_in,
)

pytestmark = pytest.mark.skipif(ENGINE != "sail", reason="Spark appends what it reads from a broker itself")
TOPIC = "events"
NOWHERE = Kafka("127.0.0.1:1", TOPIC)


@pytest.fixture
def platform(tmp_path: Path, sample: Path, spark: object) -> Platform:
    return Platform(settings_in(tmp_path, sample, mask_salt=SECRET))


def stream(platform: Platform) -> EventStream:
    return EventStream(platform.warehouse, platform.engine, NOWHERE)


def send(platform: Platform, *messages: Message) -> None:
    """Append messages as if they came from the topic next."""
    contract = platform.catalog.table(EVENTS)
    erasure = EventErasure(platform.warehouse, platform.engine).of_listed
    appender = Appender(TakeMessages(NOWHERE, platform.warehouse, contract, lambda: True, [0], erasure=erasure))
    stored = platform.warehouse.existing_tables([EVENTS]).get(EVENTS)
    first = offset_stored(stored, TOPIC, 0) + 1 if stored else 0
    rows = [
        {"topic": TOPIC, "partition": 0, "offset": first + at, "kafka_timestamp": 0, "key": key, "value": value}
        for at, (key, value) in enumerate(messages)
    ]
    appender.append(pa.RecordBatch.from_pylist(rows, SCHEMA))


def test_messages_of_a_listed_person_are_erased_before_they_are_stored(platform):
    erasures.add(platform.warehouse, PERSON)
    send(platform, *THEIRS.values())
    rows = stored(platform)
    assert traces_in(rows) == []
    assert [row["offset"] for row in rows] == list(range(len(THEIRS)))
    assert hits(platform) == []


def test_each_stored_message_of_a_person_is_found_and_then_erased(platform):
    send(platform, ("k", event("orders", 1, order("1b" * 16, OTHER))), *THEIRS.values())
    other, *rows = stored(platform)
    assert [name for name, row in zip(THEIRS, rows, strict=True) if not traces_in([row])] == []
    assert hits(platform) != []
    kinds = [row.asDict() for row in decoded_kinds(platform)]
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (), lambda _: None)
    remove_earlier_versions(platform.warehouse.path(EVENTS))
    first, *after = stored(platform)
    assert first == other
    assert [name for name, row in zip(THEIRS, after, strict=True) if traces_in([row])] == []
    assert hits(platform) == []
    # What was an event, no event, or a deleted key, still is: the numbers of merged messages stay right.
    assert [row.asDict() for row in decoded_kinds(platform)] == kinds
    # The next message is not taken for one that is stored.
    send(platform, ("k", "next"))
    assert stored(platform)[-1]["offset"] == len(THEIRS) + 1
    before = stored(platform)
    erase_events(platform, TRACES, (), lambda _: None)
    assert stored(platform) == before


def decoded_kinds(platform: Platform) -> list:
    """Per message: whether it is no event, and operation and number of an event."""
    events = decoded(platform.engine.read_table(platform.warehouse.open(EVENTS)))
    of_change = (F.when(F.col("is_change"), F.col(name)).alias(name) for name in ("op", "source_sequence"))
    return events.orderBy("offset").select("offset", "is_bad", "is_change", *of_change).collect()


@pytest.mark.parametrize("name", THEIRS)
def test_the_proof_reads_the_spellings_within_messages(platform, name):
    send(platform, THEIRS[name])
    assert [Path(hit).parent.name for hit in hits(platform) if hit.endswith(".parquet")] == [EVENTS]


def test_a_message_with_nothing_but_the_comment_is_erased(platform):
    send(platform, ("k", json.dumps({"text": f"… {COMMENT}"})), ("k", json.dumps({"text": "another comment"})))
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (COMMENT[:24],), lambda _: None)
    assert [row["value"] for row in stored(platform)] == ["erased", json.dumps({"text": "another comment"})]


def test_later_events_change_the_row_under_the_token(platform):
    events = stream(platform)
    send(platform, (CUSTOMER, event("customers", 1, customer())), (ORDER, event("orders", 2, order())))
    list(events.merge_stored())
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (), lambda _: None)
    found = Found({known: Erasures(platform.warehouse).token(known) or "" for known in TRACES.ids}, TRACES.records)
    token = found.replacements[CUSTOMER]
    send(
        platform,
        (CUSTOMER, event("customers", 3, customer())),
        (ORDER, event("orders", 4, order(status="shipped"))),
        (CUSTOMER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
    )
    list(events.merge_stored())
    assert {row["order_status"] for row in stored(platform, "bronze_orders")} == {"shipped"}
    assert [row["key"] for row in stored(platform, TOMBSTONES)] == [token]


def test_ids_that_events_give_to_a_listed_person_are_erased_from_then_on(platform):
    erasures.add(platform.warehouse, PERSON)
    send(platform, (NEW_CUSTOMER, event("customers", 1, customer(NEW_CUSTOMER))))
    assert Erasures(platform.warehouse).knows(NEW_CUSTOMER)
    send(platform, (NEW_ORDER, event("orders", 2, order(NEW_ORDER, NEW_CUSTOMER))))
    list(stream(platform).merge_stored())
    assert traces_in(stored(platform)) == []
    (customer_row,), (order_row,) = stored(platform, "bronze_customers"), stored(platform, "bronze_orders")
    assert order_row["customer_id"] == customer_row["customer_id"] == Erasures(platform.warehouse).token(NEW_CUSTOMER)
    for subject, row in (("orders", order_row), ("customers", customer_row)):
        ((key, record),) = replayed(platform, subject).items()
        assert key == row[SOURCES[subject].key[0]]
        assert {name: row[name] for name in record} == record


def test_deleted_keys_become_tokens(platform):
    send(platform, (CUSTOMER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
         (OTHER, json.dumps({"table": "customers", "op": "d", "seq": 6})))  # fmt: skip
    list(stream(platform).merge_stored())
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (), lambda _: None)
    keys = {row["key"] for row in stored(platform, TOMBSTONES)}
    assert keys == {Erasures(platform.warehouse).token(CUSTOMER), OTHER}


def test_forget_finishes_merges_and_reports_that_no_kafka_answers(platform):
    send(platform, *RECORDS, *THEIRS.values())
    steps: list[str] = []
    assert forget(platform, UNIQUE, steps.append).hits == []
    assert any("Messages in Kafka are as before: No Kafka answers" in step for step in steps)
    for name in platform.warehouse.existing_tables():
        assert traces_in(stored(platform, name)) == [], name
    before = stored(platform)
    assert forget(platform, CUSTOMER, lambda _: None).hits == []
    assert stored(platform) == before
