"""Messages for tests."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, Message, Producer

from olist_assets.kafka.connection import Kafka


def send(kafka: Kafka, values: Iterable[bytes | None], key: bytes | None = None, partition: int = 0) -> None:
    """Send messages and wait until they are confirmed."""
    problems = list[KafkaError]()

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            problems.append(error)

    producer = Producer(kafka.client_options)
    for value in values:
        producer.produce(kafka.topic, value, key, partition=partition, on_delivery=delivered)
        producer.poll(0)
    assert (producer.flush(30), problems) == (0, [])
