"""The topic of the order events: its creation, its first and last offsets, and what is removed from it."""

from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from olist_assets.errors import OlistError
from olist_assets.kafka.connection import MAX_MESSAGE_BYTES, Kafka
from olist_assets.kafka.problems import Reports, explained, problem

SECONDS_TO_ANSWER = 10.0
Watermarks = Mapping[int, tuple[int, int]]
"""Per partition: the offset of its first message, and the one that its next message gets."""


def create(kafka: Kafka, partitions: int = 1, retention: Mapping[str, str] | None = None) -> None:
    """Create the topic unless it exists. `retention` are properties of a topic, such as retention.ms."""
    config = {"max.message.bytes": str(MAX_MESSAGE_BYTES), **(retention or {})}
    reports = Reports()
    with explained(kafka, reports):
        admin = AdminClient(reports.options(kafka))
        # An answer tells whether anything answers at all, and sooner than the request to create would.
        admin.list_topics(timeout=SECONDS_TO_ANSWER)
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
            return watermarks_of(kafka, consumer)
        finally:
            consumer.close()


def watermarks_of(kafka: Kafka, consumer: Consumer) -> dict[int, tuple[int, int]]:
    """The same through a consumer that exists. Raises KafkaException and OlistError."""
    found: dict[int, tuple[int, int]] = {}
    for number in partitions(kafka, consumer):
        partition = TopicPartition(kafka.topic, number)
        offsets = consumer.get_watermark_offsets(partition, timeout=SECONDS_TO_ANSWER)
        if offsets is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        found[number] = offsets
    return found


def partitions(kafka: Kafka, client: Consumer | Producer) -> list[int]:
    """The numbers of the topic's partitions. Raises KafkaException, and OlistError if there is no such topic."""
    topic = client.list_topics(kafka.topic, timeout=SECONDS_TO_ANSWER).topics[kafka.topic]
    if topic.error is not None:
        raise problem(kafka, topic.error)
    return sorted(topic.partitions)


def delete_records(kafka: Kafka, before: Mapping[int, int]) -> None:
    """Remove the messages before these offsets, by partition. Kafka deletes their files when it likes, soon after."""
    reports = Reports()
    with explained(kafka, reports):
        admin = AdminClient(reports.options(kafka))
        admin.list_topics(timeout=SECONDS_TO_ANSWER)
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
        partitions(kafka, producer)
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
