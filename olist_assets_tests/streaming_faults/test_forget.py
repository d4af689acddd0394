"""A person erased from the tables of a stream, and from its topic, on both engines. Run by `make test-stream`."""

import time
from dataclasses import replace

import pytest
from pydantic import SecretStr

from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import Messages
from olist_assets.kafka.topic import create, watermarks
from olist_assets.operations.forget import forget
from olist_assets.operations.forget_topic import OfTopic
from olist_assets.operations.order_stream import event_stream
from olist_assets.operations.platform import Platform
from olist_assets.operations.restore import restore
from olist_assets.operations.stale import stale
from olist_assets.order_events.batches import EVENTS, TOMBSTONES
from olist_assets.settings import Address, Conf
from olist_assets_tests.conftest import make
from olist_assets_tests.copies import copy_of
from olist_assets_tests.operations.personal_events import (
    CUSTOMER,
    NEW_ORDER,
    ORDER,
    RECORDS,
    REVIEW,
    SECRET,
    THEIRS,
    UNIQUE,
    Message,
    encoded,
    event,
    hits,
    order,
    replayed,
    stored,
    traces_in,
)
from olist_assets_tests.streaming_faults.conftest import send_files
from olist_assets_tests.streaming_faults.equality import assert_every_event_counts
from olist_assets_tests.streaming_faults.events import Sending, send

pytestmark = pytest.mark.stream
COMPACTED_SOON = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.001",
    "segment.ms": "100",
    "max.compaction.lag.ms": "100",
}
SECONDS_TO_COMPACT = 60


@pytest.fixture
def platform(streamed, each_engine, spark):
    """Nothing but what events have fed, from a topic of two partitions."""
    return Platform(streamed.model_copy(update={"mask_salt": SecretStr(SECRET), "engine": each_engine}))


def send_messages(platform: Platform, *messages: Message) -> None:
    """Send messages to the topic, all to one partition, so that their order stays."""
    send(platform.settings, (Sending(key or "", encoded(value), 0) for key, value in messages))


def take(platform: Platform) -> None:
    event_stream(platform, skip_missing=False).take_available()


def erase(platform: Platform, of_topic: OfTopic) -> str:
    """Forget the person; returns the report."""
    steps: list[str] = []
    assert forget(platform, UNIQUE, steps.append, of_topic).hits == []
    return "\n".join(steps)


def in_topic(platform: Platform) -> list[dict]:
    """All messages that the topic still has."""
    kafka = Kafka.of(platform.settings)
    ends = {number: following for number, (_, following) in watermarks(kafka).items()}
    with Messages(kafka, {}) as messages:
        return [row for batch in messages.read_until(ends) for row in batch.to_pylist()]


def test_what_is_stored_is_deleted_from_the_topic_and_the_stream_continues(platform):
    send_messages(platform, *RECORDS)
    take(platform)
    unread = (NEW_ORDER, event("orders", 7, order(NEW_ORDER)))
    send_messages(platform, unread)
    assert "Deleted the stored messages of 1 partitions" in erase(platform, "delete")
    assert [(message["offset"], message["key"]) for message in in_topic(platform)] == [(len(RECORDS), NEW_ORDER)]
    take(platform)
    assert [row["offset"] for row in stored(platform)] == [*range(len(RECORDS) + 1)]
    assert hits(platform) == []
    assert_every_event_counts(platform.warehouse)
    # Nothing is left to delete but that message, and then nothing at all.
    erase(platform, "delete")
    assert in_topic(platform) == []
    assert "of 0 partitions" in erase(platform, "delete")


def test_a_compacted_topic_drops_the_persons_messages(platform):
    kafka = replace(Kafka.of(platform.settings), topic="compacted_soon")
    create(kafka, retention=COMPACTED_SOON)
    platform = Platform(platform.settings.model_copy(update={"kafka_topic": kafka.topic}))
    send_messages(platform, *RECORDS, ("another", event("orders", 6, order("another", "somebody"))))
    take(platform)
    report = erase(platform, "tombstones")
    assert "its compaction removes the earlier ones" in report
    assert "keeps messages for 7 days (compact)" in report
    sent = [message["key"] for message in in_topic(platform) if message["value"] is None]
    assert {UNIQUE, CUSTOMER, ORDER, REVIEW, f"{REVIEW}/{ORDER}"} <= set(sent)
    # What the command sent comes back through the stream, and is erased on its way.
    take(platform)
    assert traces_in(stored(platform)) == hits(platform) == []
    assert_every_event_counts(platform.warehouse)
    deadline = time.monotonic() + SECONDS_TO_COMPACT
    while traces_in([message for message in in_topic(platform) if message["value"]]):
        assert time.monotonic() < deadline, "the broker has not compacted the topic"
        # The segment that is written to is never compacted; another message begins a new one.
        send_messages(platform, ("another", event("orders", 8, order("another", "somebody"))))
        time.sleep(1)


def test_a_topic_that_is_not_compacted_gets_no_tombstones_and_one_that_is_kept_stays(platform):
    send_messages(platform, *RECORDS)
    take(platform)
    before = in_topic(platform)
    assert "Sent nothing" in erase(platform, "tombstones")
    report = erase(platform, "keep")
    assert "keeps messages for 7 days (delete). Those of the customer are still there: --topic delete" in report
    assert in_topic(platform) == before


def test_a_kafka_that_refuses_the_client_does_not_stop_the_erasure_of_the_tables(platform):
    send_messages(platform, *RECORDS)
    take(platform)
    wrong = Conf({**Kafka.of(platform.settings).conf, "sasl.password": "wrong"})
    refused = Platform(platform.settings.model_copy(update={"kafka_conf": wrong}))
    assert "Messages in Kafka are as before: Kafka at" in (report := erase(refused, "delete"))
    assert "refuses this client" in report
    assert len(in_topic(platform)) == len(RECORDS)


def test_records_of_a_listed_person_that_are_replayed_are_erased_on_their_way(platform):
    send_files(platform.settings, tables=["customers", "orders", "order_reviews"])
    take(platform)
    with platform.warehouse.sql({"c": platform.warehouse.open("bronze_customers")}) as con:
        ((given, of_order),) = con.sql("SELECT customer_unique_id, customer_id FROM c ORDER BY 1 LIMIT 1").fetchall()
    assert forget(platform, given, lambda _: None).hits == []
    sent = send_files(platform.settings, tables=["customers", "orders", "order_reviews"])
    take(platform)
    rows = stored(platform)
    assert len(rows) > sent
    texts = "\n".join(f"{row['key']} {row['value']}" for row in rows)
    assert (given in texts, of_order in texts) == (False, False)
    assert forget(platform, given, lambda _: None).hits == []
    assert_every_event_counts(platform.warehouse)


def test_a_person_of_stream_and_files_is_erased_from_all_tables(finished, streamed, each_engine, tmp_path):
    settings = copy_of(finished, tmp_path / "copy", with_source=True, mask_salt=SECRET, engine=each_engine)
    address, topic = Address(str(streamed.kafka)), streamed.kafka_topic
    platform = Platform(settings.model_copy(update={"kafka": address, "kafka_topic": topic}))
    send_messages(platform, *RECORDS, *THEIRS.values())
    take(platform)
    erase(platform, "delete")
    for name in (EVENTS, TOMBSTONES, "bronze_customers", "bronze_orders", "bronze_order_reviews", "silver_rejects"):
        assert traces_in(stored(platform, name)) == [], name
    assert not stale(platform)
    with pytest.raises(OlistError):
        restore(platform, EVENTS, platform.warehouse.open(EVENTS).version() - 1, lambda _: None)
    fed = {f"bronze_{subject}": subject for subject in ("orders", "order_reviews")}
    before = {name: streamed_rows(platform, name) for name in fed}
    assert all(before.values())
    for name, subject in fed.items():
        for key, record in replayed(platform, subject).items():
            (row,) = (row for row in before[name] if row[SOURCES[subject].key[0]] == key)
            assert {column: row[column] for column in record} == record
    make(platform, ",".join(fed))
    assert {name: streamed_rows(platform, name) for name in fed} == before


def streamed_rows(platform: Platform, name: str) -> list[dict]:
    """The rows that events have changed, without the time of their writing."""
    rows = (row for row in stored(platform, name) if row["source_sequence"])
    return sorted(({**row, "ingestion_timestamp": None} for row in rows), key=str)
