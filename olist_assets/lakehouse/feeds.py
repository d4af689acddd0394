"""What order events have fed to a table, as its log tells: transactions by application, as Delta's protocol has them.

See https://github.com/delta-io/delta/blob/master/PROTOCOL.md#transaction-identifiers.
"""

from deltalake import DeltaTable

FED_BY = "olist.order_events"
"""The application whose versions are the numbers of the batches that were merged into a table."""
NEVER = -1


def fed_batch(table: DeltaTable) -> int:
    """The last batch of order events that changed a table; NEVER for a table that is made from a file."""
    version = table.transaction_version(FED_BY)
    return NEVER if version is None else version


def is_fed(table: DeltaTable) -> bool:
    """Whether a table takes order events instead of its file."""
    return fed_batch(table) != NEVER


def offset_stored(table: DeltaTable, topic: str, partition: int) -> int:
    """The offset of the last message of a topic's partition that a table of messages has; NEVER without one."""
    version = table.transaction_version(partition_id(topic, partition))
    return NEVER if version is None else version


def partition_id(topic: str, partition: int) -> str:
    """The application whose versions are the offsets of a topic's partition."""
    return f"{topic}/{partition}"
