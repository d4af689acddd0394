"""The topic of the order events: its creation, its first and last offsets, and what is removed from it."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import MAX_MESSAGE_BYTES, Kafka
from olist_assets.kafka.problems import Reports, explained, problem

RETENTION = ("cleanup.policy", "retention.ms", "retention.bytes")
SECONDS_TO_ANSWER, SECONDS_FOR_NOBODY, SECONDS_TO_LOOK = 10.0, 3.0, 1.0
Watermarks = Mapping[int, tuple[int, int]]
"""Per partition: the offset of its first message, and the one that its next message gets."""


def create(kafka: Kafka, partitions: int = 1, retention: Mapping[str, str] | None = None) -> None:
    """Create the topic unless it exists. `retention` are properties of a topic, such as retention.ms."""
    config = {"max.message.bytes": str(MAX_MESSAGE_BYTES), **(retention or {})}
    reports = Reports()
    with explained(kafka, reports):
        admin = AdminClient(reports.options(kafka))
        # Tells whether anything answers at all, and sooner than the request to create would.
        metadata(admin, reports)
        asked = admin.create_topics([NewTopic(kafka.topic, num_partitions=partitions, config=config)])
        try:
            asked[kafka.topic].result(SECONDS_TO_ANSWER)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def watermarks(kafka: Kafka) -> dict[int, tuple[int, int]]:
    """The first offset and the next one of each partition. Raises OlistError within seconds if there is no answer."""
    reports = Reports()
    with explained(kafka, reports):
        consumer = Consumer(reports.options(kafka, group_id="olist"))
        try:
            return watermarks_of(kafka, consumer, partitions(kafka, consumer, reports))
        finally:
            consumer.close()


def watermarks_of(kafka: Kafka, consumer: Consumer, numbers: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Those of some partitions, through a consumer that exists. Raises KafkaException."""
    found: dict[int, tuple[int, int]] = {}
    for number in numbers:
        partition = TopicPartition(kafka.topic, number)
        offsets = consumer.get_watermark_offsets(partition, timeout=SECONDS_TO_ANSWER)
        if offsets is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        found[number] = offsets
    return found


def partitions(kafka: Kafka, client: Consumer | Producer, reports: Reports | None = None) -> list[int]:
    """The numbers of the topic's partitions. Raises KafkaException, and OlistError if there is no such topic.

    Without `reports`, it waits a moment only, and takes no message from a consumer that reads.
    """
    if reports:
        found = metadata(client, reports, kafka.topic)
    else:
        found = client.list_topics(kafka.topic, timeout=SECONDS_TO_LOOK)
    topic = found.topics[kafka.topic]
    if topic.error is not None:
        raise problem(kafka, topic.error)
    return sorted(topic.partitions)


def topic_id(kafka: Kafka) -> str:
    """What tells the topic from a later one of its name, and from one of another Kafka. Raises OlistError."""
    reports = Reports()
    with explained(kafka, reports):
        admin = AdminClient(reports.options(kafka))
        metadata(admin, reports)
        return topic_id_of(kafka, admin)


def topic_id_of(kafka: Kafka, admin: AdminClient) -> str:
    """The same through a client that exists. Raises KafkaException."""
    asked = admin.describe_topics(TopicCollection([kafka.topic]), request_timeout=SECONDS_TO_LOOK)
    return str(asked[kafka.topic].result().topic_id)


def metadata(client: AdminClient | Consumer | Producer, reports: Reports, topic: str | None = None) -> Any:
    """The first answer of a Kafka, about one topic or all. Raises KafkaException as soon as none is to be expected."""
    started = time.monotonic()
    while True:
        try:
            # In steps, because a client that is refused, or finds nobody, goes on trying until its time is over.
            return client.list_topics(topic, timeout=SECONDS_TO_LOOK)
        except KafkaException:
            client.poll(0)  # makes it report
            seconds = SECONDS_FOR_NOBODY if reports.is_down else SECONDS_TO_ANSWER
            if reports.refusal or time.monotonic() - started > seconds:
                raise


def delete_records(kafka: Kafka, before: Mapping[int, int]) -> None:
    """Remove the messages before these offsets, by partition. Kafka deletes their files when it likes, soon after."""
    reports = Reports()
    with explained(kafka, reports):
        admin = AdminClient(reports.options(kafka))
        metadata(admin, reports)
        asked = admin.delete_records([TopicPartition(kafka.topic, number, at) for number, at in before.items()])
        for answer in asked.values():
            answer.result(SECONDS_TO_ANSWER)


def send_tombstones(kafka: Kafka, keys: Iterable[str]) -> int:
    """Send a message without a value for each key, so that a compacted topic drops the earlier ones; returns how many.

    A topic that is not compacted keeps the earlier messages until its retention ends, or until `delete_records`.
    """
    reports, failed, sent = Reports(), list[KafkaError](), 0

    def on_delivery(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(error)

    with explained(kafka, reports):
        producer = Producer(reports.options(kafka, enable_idempotence=True, message_timeout_ms=30_000))
        partitions(kafka, producer, reports)
        for key in keys:
            producer.produce(kafka.topic, key=key.encode(), value=None, on_delivery=on_delivery)
            producer.poll(0)
            sent += 1
        remaining = producer.flush(SECONDS_TO_ANSWER)
    if failed:
        raise problem(kafka, failed[0], reports)
    if remaining:
        raise OlistError(f"Kafka at {kafka.servers} did not confirm {remaining} of {sent} messages. Try again.")
    return sent


def retention(kafka: Kafka) -> dict[str, str]:
    """What decides how long the topic keeps messages: the topic's properties of RETENTION."""
    reports = Reports()
    with explained(kafka, reports):
        admin = AdminClient(reports.options(kafka))
        topic = metadata(admin, reports, kafka.topic).topics[kafka.topic]
        if topic.error is not None:
            raise problem(kafka, topic.error)
        (asked,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, kafka.topic)]).values()
        found = asked.result(SECONDS_TO_ANSWER)
    return {name: found[name].value for name in RETENTION}
