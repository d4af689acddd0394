"""Messages as Arrow batches: every one, once, from the given offsets, or an error."""

from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from olist_assets.kafka import messages as module
from olist_assets.kafka.messages import SCHEMA, Messages, OffsetsMissing, text
from olist_assets.kafka.topic import create, delete_records, watermarks
from olist_assets_tests.kafka.sending import send


def offsets(messages: Messages, ends: dict[int, int]) -> list[int]:
    return [offset for batch in messages.read_until(ends) for offset in batch.column("offset").to_pylist()]


def test_a_batch_has_what_kafka_has_of_each_message(kafka):
    send(kafka, ["ação".encode(), None, b""], key=b"k")
    send(kafka, [b"x"])
    with Messages(kafka, {0: 1}) as messages:
        (batch,) = messages.read_until({0: 4})
        assert messages.positions == {0: 4}
        assert messages.read(max_seconds=0.2) is None
    assert batch.schema.equals(SCHEMA)
    rows = batch.to_pylist()
    assert [(row["offset"], row["key"], row["value"]) for row in rows] == [(1, "k", None), (2, "k", ""), (3, None, "x")]
    assert {(row["topic"], row["partition"]) for row in rows} == {(kafka.topic, 0)}
    assert all(abs(row["kafka_timestamp"] - datetime.now(UTC)) < timedelta(minutes=1) for row in rows)


def test_batches_are_as_large_as_asked_and_miss_nothing(kafka):
    send(kafka, (b"%d" % number for number in range(25_000)))
    with Messages(kafka, {}) as messages:
        found = list(messages.read_until({0: 25_000}, max_messages=10_000))
    assert [batch.num_rows for batch in found] == [10_000, 10_000, 5_000]
    assert [int(value) for batch in found for value in batch.column("value").to_pylist()] == [*range(25_000)]


def test_a_message_of_ten_megabytes_comes_through(kafka):
    send(kafka, [b"x" * (10 << 20)] * 2)
    with Messages(kafka, {}) as messages:
        values = [value for batch in messages.read_until({0: 2}) for value in batch.column("value").to_pylist()]
    assert [len(value) for value in values] == [10 << 20] * 2


def test_what_a_transaction_took_back_is_not_read_and_its_marks_are_no_messages(kafka):
    producer = Producer({**kafka.client_options, "transactional.id": kafka.topic})
    producer.init_transactions()
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(kafka.topic, b"x")
        producer.flush()
        end()
    ((_, end),) = watermarks(kafka).values()
    with Messages(kafka, {}) as messages:
        assert offsets(messages, {0: end}) == [0, 4]
        assert messages.positions == {0: 6}


def test_a_partition_that_is_added_is_read_from_its_start(kafka, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.1)
    with Messages(kafka, {0: 0}) as messages:
        admin = AdminClient(kafka.client_options)
        admin.create_partitions([NewPartitions(kafka.topic, 2)])[kafka.topic].result(10)
        send(kafka, [b"new"], partition=1)
        assert offsets(messages, {1: 1}) == [0]
        assert messages.positions == {0: 0, 1: 1}


def test_offsets_that_kafka_has_deleted_are_an_error_or_are_skipped_on_request(kafka):
    send(kafka, [b"%d" % number for number in range(5)])
    delete_records(kafka, {0: 3})
    problem = (
        f"Kafka has deleted the offsets 1 to 2 of partition 0 of {kafka.topic} .*Nothing was written.*--skip-missing"
    )
    with pytest.raises(OffsetsMissing, match=problem), Messages(kafka, {0: 1}):
        pass
    with Messages(kafka, {0: 1}, skip_missing=True) as messages:
        assert offsets(messages, {0: 5}) == [3, 4]
    with Messages(kafka, {0: 3}) as messages:
        assert offsets(messages, {0: 5}) == [3, 4]


@pytest.mark.parametrize("skip_missing", [False, True])
def test_offsets_that_are_deleted_while_it_reads_are_no_silent_start_elsewhere(kafka, skip_missing):
    with Messages(kafka, {0: 0}, skip_missing=skip_missing) as messages:
        # It waits for the first message; a position before those that remain is what a slow reader comes to.
        send(kafka, [b"%d" % number for number in range(5)])
        assert offsets(messages, {0: 5}) == [0, 1, 2, 3, 4]
        delete_records(kafka, {0: 4})
        messages._next[0] = 1
        messages._consumer.seek(module.TopicPartition(kafka.topic, 0, 1))
        if skip_missing:
            assert offsets(messages, {0: 5}) == [4]
        else:
            with pytest.raises(OffsetsMissing, match="deleted the offsets 1 to 3 of partition 0"):
                offsets(messages, {0: 5})


@pytest.mark.parametrize("skip_missing", [False, True])
def test_an_offset_after_the_end_means_another_topic(kafka, skip_missing):
    send(kafka, [b"1"])
    with (
        pytest.raises(OffsetsMissing, match=r"was deleted and created again.*set OLIST_KAFKA_TOPIC"),
        Messages(kafka, {0: 7}, skip_missing=skip_missing),
    ):
        pass


def test_nobody_else_moves_the_position(kafka):
    """Two readers of one topic both read everything: there is no group of consumers."""
    send(kafka, [b"1", b"2"])
    create(kafka)
    with Messages(kafka, {}) as one, Messages(kafka, {}) as other:
        assert offsets(one, {0: 2}) == offsets(other, {0: 2}) == [0, 1]
    with Messages(kafka, {}) as again:
        assert offsets(again, {0: 2}) == [0, 1]


# What Java 17 prints for `new String(bytes, UTF_8)`.
@pytest.mark.parametrize(
    ("received", "decoded"),
    [
        (b"a\xffb", "a\ufffdb"), (b"\xc0\x80", "\ufffd\ufffd"), (b"\xe2\x82", "\ufffd"),
        (b"\xe0\x80\x80", "\ufffd\ufffd\ufffd"), (b"\xed\xa0\x80", "\ufffd"), (b"\xed\xa0A", "\ufffdA"),
        (b"\xed\xa0\x80\xed\xb0\x80", "\ufffd\ufffd"), (b"\xf0\x9f\x98A", "\ufffdA"),
        (b"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"), (b"\xf5\x80", "\ufffd\ufffd"),
        ("\U0001f600".encode(), "\U0001f600"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_utf8_become_what_java_makes_of_them(received, decoded):
    assert text(received) == decoded


def test_one_broken_value_does_not_change_the_others(kafka):
    send(kafka, [b"a", b"\xed\xa0\x80", "é".encode()], key=b"\xff")
    with Messages(kafka, {}) as messages:
        (batch,) = messages.read_until({0: 3})
    assert batch.column("value").to_pylist() == ["a", "\ufffd", "é"]
    assert batch.column("key").to_pylist() == ["\ufffd"] * 3
