"""Events for tests, and a producer of them."""

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from olist_assets.kafka.connection import Kafka
from olist_assets.settings import Settings


class Sending(NamedTuple):
    """A message to send; without a partition, its key decides."""

    key: str
    value: bytes | None
    partition: int = -1
    options: dict[str, Any] | None = None
    """Further arguments of the producer, such as headers."""


def event(op: str, seq: int, table: str = "orders", **after: Any) -> bytes:
    """An event; with `op` d, `after` is what the record was."""
    image = {"before" if op == "d" else "after": after}
    return json.dumps({"table": table, "op": op, "seq": seq, **image}, ensure_ascii=False).encode()


def order(key: str, **values: Any) -> dict[str, Any]:
    """The record of an order that no file has."""
    return {"order_id": key, "customer_id": f"c-{key}", "order_status": "created", **values}


def short_lived(count: int, first_seq: int = 1_000_000) -> Iterator[Sending]:
    """Orders that are deleted, in any order of their messages: also before they are created, and updated late."""
    chance, found = random.Random(3), list[Sending]()
    for number in range(count):
        key, seq = f"gone-{number}", first_seq + 10 * number
        changes = [event("c", seq, **order(key)), event("u", seq + 1, **order(key)), event("d", seq + 2, order_id=key)]
        found += [Sending(key, change, chance.randrange(2)) for change in chance.choices(changes[:2], k=3)]
        found.append(Sending(key, changes[2], chance.randrange(2)))
    chance.shuffle(found)
    yield from found


def send(settings: Settings, found: Iterable[Sending]) -> int:
    """Send messages and wait until Kafka has confirmed them; returns their number."""
    kafka, problems, sent = Kafka.of(settings), list[KafkaError](), 0

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            problems.append(error)

    producer = Producer(kafka.client_options)
    for key, value, partition, options in found:
        producer.produce(kafka.topic, value, key.encode(), partition, on_delivery=delivered, **(options or {}))
        producer.poll(0)
        sent += 1
    assert (producer.flush(60), problems) == (0, [])
    return sent
