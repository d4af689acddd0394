"""Messages of a topic on Spark: each is appended once and as Sail does it, or an error names what is wrong."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest
from confluent_kafka import Producer
from pydantic import SecretStr
from pyspark.errors import PySparkException

from olist_assets.catalog import catalog
from olist_assets.engine.engine import TakeMessages
from olist_assets.engine.sail.engine import SailEngine
from olist_assets.engine.spark import kafka_stream
from olist_assets.engine.spark.engine import SparkEngine, keeping_interrupt_handler
from olist_assets.engine.spark.jars import delta_jars, kafka_source_jars
from olist_assets.errors import OlistError
from olist_assets.governance import erasures
from olist_assets.governance.erasing import Found
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import OffsetsMissing, text
from olist_assets.kafka.problems import NoAnswer
from olist_assets.kafka.topic import create, delete_records, watermarks
from olist_assets.lakehouse.feeds import offset_stored
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.statistics import file_actions
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.broker import running_broker
from olist_assets.operations.platform import Platform
from olist_assets.order_events.erasing import EventErasure
from olist_assets.settings import Address
from olist_assets_tests.kafka.sending import send
from olist_assets_tests.operations import personal_events
from olist_assets_tests.servers import free_port

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]
EVENTS = catalog().table("bronze_order_events")
# Beginnings, continuations and ends of sequences of UTF-8, and bytes that are none of these.
PARTS = [0x41, 0x7F, 0x80, 0x88, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF4, 0xF5]


def taking(kafka: Kafka, warehouse: Warehouse, on_commit: Callable[[], bool] | None = None) -> TakeMessages:
    """Take what the topic has now."""
    until = {number: following for number, (_, following) in watermarks(kafka).items()}
    return TakeMessages(kafka, warehouse, EVENTS, on_commit or (lambda: True), sorted(until), until)


def running(kafka: Kafka, warehouse: Warehouse, on_commit: Callable[[], bool]) -> TakeMessages:
    """Take messages until `on_commit` returns False."""
    return replace(taking(kafka, warehouse, on_commit), until=None)


def stored(warehouse: Warehouse) -> list[tuple]:
    """Partition, offset, key and value of each stored message."""
    with warehouse.sql({"events": warehouse.open(EVENTS.name)}) as con:
        return con.sql('SELECT "partition", "offset", key, value FROM events ORDER BY 1, 2').fetchall()


def count(warehouse: Warehouse) -> int:
    return len(stored(warehouse)) if warehouse.existing_tables([EVENTS.name]) else 0


def await_(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing has happened"
        time.sleep(0.1)


def test_a_message_is_stored_as_sail_does_whatever_its_bytes_and_sail_continues(engine, kafka, warehouse):
    chance = random.Random(1)
    values = [bytes(chance.choices(PARTS, k=chance.randrange(8))) for _ in range(3_000)]
    send(kafka, [None, *values], key=b"\xff")
    engine.take_messages(taking(kafka, warehouse))
    table = warehouse.open(EVENTS.name)
    assert stored(warehouse) == [(0, at, "\ufffd", v if v is None else text(v)) for at, v in enumerate([None, *values])]
    assert offset_stored(table, kafka.topic, 0) == 3_000
    fields = [(field.name, field.nullable, field.metadata["comment"]) for field in table.schema().fields]
    assert fields == [(column.name, column.nullable, column.comment) for column in EVENTS.columns]
    assert not schema_change(shape(table), EVENTS)
    # Of a text, the log would have the bounds of a file.
    assert "max.offset" in file_actions(table).schema.names
    assert "max.value" not in file_actions(table).schema.names
    with warehouse.sql({"events": table}) as con:
        ((late,),) = con.sql(
            "SELECT max(abs(epoch(ingestion_timestamp) - epoch(kafka_timestamp))) FROM events"
        ).fetchall()
    assert late < 60
    send(kafka, [b"by Sail"])
    SailEngine(warehouse.settings).take_messages(taking(kafka, warehouse))
    send(kafka, [b"by Spark"])
    engine.take_messages(taking(kafka, warehouse))
    assert stored(warehouse)[-2:] == [(0, 3_001, None, "by Sail"), (0, 3_002, None, "by Spark")]
    assert count(warehouse) == 3_003


def test_messages_of_an_erased_person_are_stored_as_an_erasure_of_stored_ones_leaves_them(engine, broker, settings):
    platform = Platform(settings.model_copy(update={"mask_salt": SecretStr(personal_events.SECRET)}))
    warehouse, erasure = platform.warehouse, EventErasure(platform.warehouse, engine)
    topics = [broker.kafka("erased_on_its_way_on_spark"), broker.kafka("erased_later_on_spark")]
    for kafka in topics:
        create(kafka)
        for key, value in personal_events.THEIRS.values():
            send(kafka, [personal_events.encoded(value)], key=personal_events.encoded(key))
        send(kafka, [personal_events.event("orders", 1, {"order_id": "another"}).encode()], key=b"another")
    engine.take_messages(taking(topics[1], warehouse))
    assert personal_events.hits(platform) != []
    erasures.add(warehouse, personal_events.PERSON)
    engine.take_messages(replace(taking(topics[0], warehouse), erasure=erasure.of_listed))
    erasure.rewrite(EVENTS.name, Found(), ())
    found = {kafka.topic: [] for kafka in topics}
    for row in personal_events.stored(platform):
        found[row["topic"]].append((row["offset"], row["key"], row["value"]))
    on_its_way, later = found.values()
    assert on_its_way == later
    assert [offset for offset, *_ in on_its_way] == [*range(len(personal_events.THEIRS) + 1)]
    assert personal_events.traces_in(personal_events.stored(platform)) == []
    assert offset_stored(warehouse.open(EVENTS.name), topics[0].topic, 0) == len(personal_events.THEIRS)


def test_partitions_have_offsets_of_their_own_and_a_repeated_batch_adds_nothing(engine, broker, warehouse, monkeypatch):
    kafka = broker.kafka("partitions_on_spark")
    create(kafka, partitions=2)
    send(kafka, [b"a", b"b"], partition=0)
    send(kafka, [b"c"], partition=1)
    engine.take_messages(taking(kafka, warehouse))
    table = warehouse.open(EVENTS.name)
    assert [offset_stored(table, kafka.topic, number) for number in (0, 1)] == [1, 0]
    send(kafka, [b"d"], partition=1)
    # As if another consumer had appended the first messages after this one had started.
    monkeypatch.setattr(TakeMessages, "next_offsets", lambda _: {})
    engine.take_messages(taking(kafka, warehouse))
    assert [value for *_, value in stored(warehouse)] == ["a", "b", "c", "d"]
    engine.take_messages(taking(kafka, warehouse))
    # Of the second time only the partition that had something new has a commit.
    assert warehouse.open(EVENTS.name).version() == table.version() + 1


@pytest.mark.stream
def test_messages_of_ten_megabytes_and_ten_thousand_small_ones_come_through(engine, kafka, warehouse):
    send(kafka, [b"x" * (10 << 20)] * 2)
    send(kafka, (b"%d" % number for number in range(10_000)))
    engine.take_messages(taking(kafka, warehouse))
    found = stored(warehouse)
    assert [len(value) for *_, value in found[:2]] == [10 << 20] * 2
    assert [int(value) for *_, value in found[2:]] == [*range(10_000)]


@pytest.mark.stream
def test_a_transactions_marks_are_no_messages_and_what_it_took_back_is_not_read(engine, kafka, warehouse):
    producer = Producer({**kafka.client_options, "transactional.id": kafka.topic})
    producer.init_transactions()
    for value, end in ((b"kept", producer.commit_transaction), (b"taken back", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(kafka.topic, value)
        end()
    engine.take_messages(taking(kafka, warehouse))
    assert [value for *_, value in stored(warehouse)] == ["kept"]
    send(kafka, [b"later"])
    engine.take_messages(taking(kafka, warehouse))
    assert [value for *_, value in stored(warehouse)] == ["kept", "later"]


def test_an_error_of_a_commit_reaches_the_caller_and_nothing_is_lost(engine, kafka, warehouse, monkeypatch):
    send(kafka, [b"a"])
    refusal = OlistError("no room")

    def refuse(*_):
        raise refusal

    with monkeypatch.context() as patched:
        patched.setattr(kafka_stream, "_commit", refuse)
        with pytest.raises(OlistError) as caught:
            engine.take_messages(taking(kafka, warehouse))
    assert caught.value is refusal
    with pytest.raises(OlistError, match="no room"):
        engine.take_messages(taking(kafka, warehouse, refuse))
    engine.take_messages(taking(kafka, warehouse))
    assert count(warehouse) == 1


@pytest.mark.stream
def test_a_query_that_keeps_failing_although_kafka_answers_is_an_error(engine, kafka, warehouse, monkeypatch):
    send(kafka, [b"a"])
    failures = list[PySparkException]()

    def fail(*_):
        failures.append(PySparkException("Something is wrong.\nWith details."))
        raise failures[-1]

    monkeypatch.setattr(kafka_stream, "_commit", fail)
    with pytest.raises(OlistError, match=r"^Spark cannot read \S+ from \S+: Something is wrong\.$"):
        engine.take_messages(taking(kafka, warehouse))
    assert len(failures) == kafka_stream.MAX_FAILURES


def test_offsets_that_kafka_has_deleted_are_an_error_unless_they_may_be_skipped(engine, kafka, warehouse):
    send(kafka, [b"a"])
    engine.take_messages(taking(kafka, warehouse))
    send(kafka, [b"b", b"c"])
    delete_records(kafka, {0: 2})
    with pytest.raises(OffsetsMissing, match="Kafka has deleted the offsets 1 to 1"):
        engine.take_messages(taking(kafka, warehouse))
    assert count(warehouse) == 1
    engine.take_messages(replace(taking(kafka, warehouse), skip_missing=True))
    assert [value for *_, value in stored(warehouse)] == ["a", "c"]


@pytest.mark.stream
def test_a_stream_outlives_its_broker_and_ends_when_nobody_wants_more(engine, warehouse, tmp_path):
    port, cache, wanted = free_port(), warehouse.settings.cache, True
    with running_broker(tmp_path / "broker", port, cache) as broker:
        kafka = broker.kafka("restarted")
        create(kafka)
        send(kafka, [b"a"])
        stream = running(kafka, warehouse, lambda: wanted)
        thread = Thread(target=engine.take_messages, args=(stream,), daemon=True)
        thread.start()
        await_(lambda: count(warehouse) == 1)
    with pytest.raises(NoAnswer):
        engine.take_messages(TakeMessages(kafka, warehouse, EVENTS, lambda: True, [0], {0: 1}))
    # Longer than its client waits for an answer.
    time.sleep(kafka_stream.ANSWER_MS / 1_000 + 5)
    with running_broker(tmp_path / "broker", port, cache):
        send(kafka, [b"b"])
        await_(lambda: count(warehouse) == 2)
        wanted = False
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.stream
def test_ctrl_c_ends_a_stream_within_seconds_and_the_next_one_continues(engine, kafka, warehouse):
    send(kafka, [b"a"])
    interrupted_at = 0.0

    def interrupt() -> bool:
        nonlocal interrupted_at
        if count(warehouse):
            interrupted_at = time.monotonic()
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        engine.take_messages(running(kafka, warehouse, interrupt))
    assert time.monotonic() - interrupted_at < 5
    send(kafka, [b"b"])
    engine.take_messages(taking(kafka, warehouse))
    assert [value for *_, value in stored(warehouse)] == ["a", "b"]


def test_spark_leaves_the_handler_of_a_command_and_replaces_only_the_usual_one():
    def of_command(*_):
        pass

    before = signal.getsignal(signal.SIGINT)
    try:
        for handler, expected in ((of_command, of_command), (signal.default_int_handler, signal.SIG_IGN)):
            signal.signal(signal.SIGINT, handler)
            with keeping_interrupt_handler():
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            assert signal.getsignal(signal.SIGINT) is expected
    finally:
        signal.signal(signal.SIGINT, before)


def test_over_spark_connect_it_is_refused(warehouse):
    engine = SparkEngine(warehouse.settings.model_copy(update={"spark_remote": Address("sc://localhost:1")}))
    with pytest.raises(OlistError, match="cannot be streamed over Spark Connect"):
        engine.take_messages(TakeMessages(Kafka("localhost:1", "t"), warehouse, EVENTS, lambda: True, []))


def test_the_source_is_not_on_the_class_path_and_doctor_says_whether_it_is_fetched(engine, tmp_path):
    fetched = engine.settings.cache
    assert engine.findings()["jars"]() == "cached and verified"
    (tmp_path / delta_jars().folder).symlink_to(fetched / delta_jars().folder)
    partly = SparkEngine(engine.settings.model_copy(update={"cache": tmp_path}))
    assert (
        partly.findings()["jars"]() == "cached and verified; 4 more to be fetched by the first stream of order events"
    )
    assert kafka_source_jars().folder not in engine.session.conf.get("spark.driver.extraClassPath", "")
