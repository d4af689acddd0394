"""monitoring_stream: what each micro-batch of order events did. Its last row is where the next batch begins."""

from typing import TYPE_CHECKING

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Lag, Thresholds
from olist_assets.lakehouse.history_table import Row

if TYPE_CHECKING:
    from olist_assets.order_events.stream import EventStream

MONITORING_STREAM = Table(
    name="monitoring_stream",
    description="Micro-batches of order events: offsets, numbers of events, changed days, and how late they were.",
    grain="One row per micro-batch.",
    key=("query", "batch"),
    in_layer="streaming",
    may_be_empty=True,
    columns=(
        Column("query", "string", "Name of the query, the same on both engines."),
        Column("batch", "bigint", "Number of the batch, which every table that it changed has in its log.", minimum=0),
        Column("offsets_from", "string", "First offset by topic and partition, as a JSON object."),
        Column("offsets_to", "string", "Offset after the last one by topic and partition, as a JSON object."),
        Column("rows", "int", "Messages of the batch.", minimum=0),
        Column("applied", "int", "Events that changed a row of a bronze table.", minimum=0),
        Column(
            "superseded", "int", "Events that changed nothing: an event of the same key with the same or a higher "
            "number was known, or came in the same batch; also Kafka's markers of deleted keys.", minimum=0,
        ),
        Column("rejected", "int", "Messages that are no events; they are in silver_rejects.", minimum=0),
        Column("days_touched", "int", "Days of purchase of the orders that were changed.", minimum=0),
        Column("seconds", "double", "Time from the start of the merges to the last commit.", unit="s", minimum=0),
        Column("lag_seconds", "double", "Age of the oldest message at the last commit.", unit="s", minimum=0),
        Column("committed_at", "timestamp", "Time of the last commit."),
    ),
    is_history=True,
    batches_of="bronze_order_events",
    thresholds=Thresholds(lag=Lag()),
    is_optional=True,
    kinds=frozenset({"deltalake", "python"}),
)  # fmt: skip


@table_asset(MONITORING_STREAM)
def monitoring_stream(stream: Resource["EventStream"]) -> list[Row]:
    """Merges the stored events that no finished batch has merged; the rows of these batches."""
    return [batch.row for batch in stream.merge_stored()]
