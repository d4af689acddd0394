"""bronze_tombstones: the keys that events have deleted, so that a late, older event does not bring a record back."""

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.source_files import SEQUENCE
from olist_assets.contracts.table import Column, Table
from olist_assets.engine.event_records import decoded, deletions

BRONZE_TOMBSTONES = Table(
    name="bronze_tombstones",
    description="Keys that order events have deleted. A record stays deleted until an event with a higher number.",
    grain="One row per deleted key of a table.",
    key=("table", "key"),
    in_layer="streaming",
    may_be_empty=True,
    columns=(
        Column("table", "string", "Name of the bronze table."),
        # Of a deleted customer it is the customer_id.
        Column("key", "string", "Key of the record, its columns joined by `/`.", pii="hash"),
        Column(SEQUENCE, "bigint", "Highest sequence number of a deletion of this key.", minimum=0),
        Column("deleted_at", "timestamp", "Time of that deletion's message."),
    ),
    sequence=SEQUENCE,
    is_optional=True,
)


@table_asset(BRONZE_TOMBSTONES)
def bronze_tombstones(bronze_order_events: DataFrame) -> DataFrame:
    """The last deletion of each key."""
    return deletions(decoded(bronze_order_events))
