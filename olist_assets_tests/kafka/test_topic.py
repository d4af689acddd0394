"""The topic: its creation and offsets, what is removed from it, and a Kafka that does not answer as it should."""

import time
import traceback
from dataclasses import replace

import pytest

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import Messages
from olist_assets.kafka.topic import create, delete_records, retention, send_tombstones, watermarks
from olist_assets_tests.kafka.sending import send
from olist_assets_tests.servers import free_port

SECRET = "hunter2"


def test_creating_it_again_changes_nothing(kafka):
    send(kafka, [b"1"])
    create(kafka, partitions=3)
    assert watermarks(kafka) == {0: (0, 1)}


def test_watermarks_are_the_first_offset_and_the_next_one_of_each_partition(broker):
    kafka = broker.kafka("two_partitions")
    create(kafka, partitions=2)
    send(kafka, [b"1", b"2", b"3"], partition=1)
    assert watermarks(kafka) == {0: (0, 0), 1: (0, 3)}
    delete_records(kafka, {1: 2})
    assert watermarks(kafka) == {0: (0, 0), 1: (2, 3)}


def test_tombstones_are_messages_with_a_key_and_no_value(kafka):
    assert send_tombstones(kafka, ["a", "b/1"]) == 2
    with Messages(kafka, {}) as messages:
        batch = messages.read(max_messages=2, max_seconds=10)
    assert batch is not None
    assert batch.select(["key", "value"]).to_pylist() == [{"key": "a", "value": None}, {"key": "b/1", "value": None}]


def test_retention_is_that_of_the_topic(broker):
    kafka = broker.kafka("compacted_for_a_minute")
    create(kafka, retention={"cleanup.policy": "compact,delete", "retention.ms": "60000"})
    assert retention(kafka) == {"cleanup.policy": "compact,delete", "retention.ms": "60000", "retention.bytes": "-1"}


def read_all(kafka: Kafka) -> None:
    with Messages(kafka, {}) as messages:
        messages.read()


USES = [watermarks, create, read_all, lambda kafka: send_tombstones(kafka, ["a"]), retention]
IDS = ["watermarks", "create", "read", "send", "retention"]


@pytest.mark.parametrize("use", USES, ids=IDS)
def test_no_kafka_is_an_error_within_seconds(use):
    started, nobody = time.monotonic(), f"127.0.0.1:{free_port()}"
    with pytest.raises(OlistError, match=f"No Kafka answers at {nobody}. Start one: olist broker, or set OLIST_KAFKA."):
        use(Kafka(nobody, "topic"))
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("use", [USES[0], *USES[2:]], ids=[IDS[0], *IDS[2:]])
def test_a_missing_topic_is_named_with_the_way_to_have_one(broker, use):
    with pytest.raises(OlistError, match=r"has no topic nowhere\. `olist broker` creates it"):
        use(broker.kafka("nowhere"))


@pytest.mark.parametrize("use", USES, ids=IDS)
def test_a_wrong_password_is_refused_within_seconds_and_not_shown(kafka, use):
    started, wrong = time.monotonic(), {**kafka.conf, "sasl.password": SECRET}
    with pytest.raises(OlistError, match=r"refuses this client: .*OLIST_KAFKA_CONF") as raised:
        use(replace(kafka, conf=wrong))
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert time.monotonic() - started < 8


def test_a_client_without_a_password_reaches_nothing(kafka):
    with pytest.raises(OlistError):
        watermarks(replace(kafka, conf={}))


def test_an_unknown_property_is_named():
    with pytest.raises(OlistError, match=r'OLIST_KAFKA_CONF: No such configuration property: "ssl\.colour"'):
        watermarks(Kafka("127.0.0.1:1", "topic", {"ssl.colour": "red"}))
