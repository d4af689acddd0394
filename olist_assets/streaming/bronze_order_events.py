"""bronze_order_events: every message of the topic of order events, exactly as received."""

from typing import TYPE_CHECKING

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.source_files import INGESTED
from olist_assets.contracts.table import Column, Table

if TYPE_CHECKING:
    from olist_assets.order_events.stream import EventStream

BRONZE_ORDER_EVENTS = Table(
    name="bronze_order_events",
    description="Messages of the Kafka topic of order events, exactly as received; rows are only ever appended.",
    grain="One row per message.",
    key=("topic", "partition", "offset"),
    in_layer="streaming",
    columns=(
        Column("topic", "string", "Name of the topic."),
        Column("partition", "int", "Partition of the topic.", minimum=0),
        Column("offset", "bigint", "Position of the message in its partition.", minimum=0),
        Column("kafka_timestamp", "timestamp", "Time of the message, set by its producer or by the broker."),
        # An id of a customer is the key of an event about one.
        Column("key", "string", "Key of the message: the key of the record.", nullable=True, pii="remove"),
        Column("value", "string", "The event as JSON; null where a key was deleted.", nullable=True, pii="remove"),
        Column(INGESTED, "timestamp", "Time at which the message was read from the topic.", is_volatile=True),
    ),
    is_appended=True,
    numbered_by="offset",
    is_optional=True,
    kinds=frozenset({"kafka", "deltalake"}),
)


@table_asset(BRONZE_ORDER_EVENTS)
def bronze_order_events(stream: Resource["EventStream"]) -> None:
    """The messages that have arrived since the last ones stored."""
    stream.append_available()
