"""Messages of order events in their table, without a Kafka, and what a stream makes of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import TakeMessages
from olist_assets.engine.sail.messages import Appender
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import SCHEMA
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.batches import EVENTS
from olist_assets.order_events.stream import EventStream, Merged
from olist_assets_tests.rows import INGESTED

TOPIC = "order-events"
NOWHERE = Kafka("nowhere:1", TOPIC)
Message = tuple[str | None, str | None]
"""Key and value of a message."""


def order(id_: str, **values: str | None) -> dict[str, str | None]:
    """The record of an order, with a valid time of purchase."""
    return {"order_id": id_, "order_purchase_timestamp": "2018-01-01 10:00:00", **values}


def event(record: dict[str, Any] | None, seq: Any, op: str = "u", table: str = "orders") -> Message:
    """An event about a record; its key is the first value."""
    value = json.dumps({"table": table, "op": op, "seq": seq, "ts": "2018-01-01 10:00:00", "after": record})
    return next(iter(record.values())) if record else None, value


def deletion(key: str, seq: int, table: str = "orders") -> Message:
    """An event that deletes a record, named by the key of the message alone."""
    return key, json.dumps({"table": table, "op": "d", "seq": seq})


def batch(messages: Sequence[Message], offset: int = 0, partition: int = 0, topic: str = TOPIC) -> pa.RecordBatch:
    """Messages of a partition, from an offset on, as they come from Kafka."""
    count = len(messages)
    columns = {
        "topic": [topic] * count,
        "partition": [partition] * count,
        "offset": range(offset, offset + count),
        "kafka_timestamp": pa.array([INGESTED] * count, pa.timestamp("us")).cast(SCHEMA.field("kafka_timestamp").type),
        "key": [key for key, _ in messages],
        "value": [value for _, value in messages],
    }
    return pa.RecordBatch.from_pydict(columns, SCHEMA)


def append(warehouse: Warehouse, *messages: Message, offset: int = 0, partition: int = 0, topic: str = TOPIC) -> None:
    """Append messages to their table."""
    take = TakeMessages(NOWHERE, warehouse, warehouse.catalog.table(EVENTS), lambda: True, [partition])
    Appender(take).append(batch(messages, offset, partition, topic))


def append_mixed(warehouse: Warehouse, offsets: Mapping[int, int], message: Callable[[int], Message]) -> None:
    """Append one commit with a message at an offset of each partition."""
    take = TakeMessages(NOWHERE, warehouse, warehouse.catalog.table(EVENTS), lambda: True, [*offsets])
    rows = [batch([message(offset)], offset, partition) for partition, offset in offsets.items()]
    Appender(take).append(pa.concat_batches(rows))


def stream(warehouse: Warehouse) -> EventStream:
    """A stream whose messages are appended by the test."""
    return EventStream(warehouse, engine_of(warehouse.settings), NOWHERE)


def merge(warehouse: Warehouse) -> list[Merged]:
    """Merge what is stored, as a new process would; the batches."""
    return list(stream(warehouse).merge_stored())
