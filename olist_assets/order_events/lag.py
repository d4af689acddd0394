"""Order events that wait: in Kafka until they are appended, and in their table until they are merged."""

from collections.abc import Mapping
from dataclasses import dataclass

from olist_assets.kafka.topic import Watermarks
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.batches import EVENTS, last_finished, messages_between
from olist_assets.order_events.stored_messages import StoredMessages


@dataclass(frozen=True)
class Waiting:
    """Numbers of messages; offsets without a message, such as those of transactions, count as one."""

    in_topic: int
    in_table: int

    def __bool__(self) -> bool:
        return bool(self.in_topic or self.in_table)


def waiting(warehouse: Warehouse, topic: str, watermarks: Watermarks) -> Waiting:
    """What waits in a topic with these watermarks, and what of all topics waits in the table."""
    events = warehouse.existing_tables([EVENTS]).get(EVENTS)
    stored = StoredMessages.of(warehouse, events).positions() if events else {}
    _, merged = last_finished(warehouse)
    return Waiting(unread(watermarks, stored.get(topic, {})), messages_between(merged, stored))


def unread(watermarks: Watermarks, following: Mapping[str, int]) -> int:
    """Messages of a topic from these offsets on, by partition; what Kafka has deleted is not among them."""
    return sum(max(0, end - max(first, following.get(str(n), 0))) for n, (first, end) in watermarks.items())
