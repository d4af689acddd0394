"""What order events have fed to a table, as its log tells: transactions by application, as Delta's protocol has them.

See https://github.com/delta-io/delta/blob/master/PROTOCOL.md#transaction-identifiers.
"""

from dataclasses import dataclass
from typing import Any

from deltalake import DeltaTable

from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.commit_metadata import read_user_metadata
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.warehouse import Warehouse

FED_BY = "olist.order_events"
"""The application whose versions are the numbers of the batches that were merged into a table."""
NEVER = -1
Offsets = dict[str, dict[str, int]]
"""The next offset by topic and partition; partitions are text, as in JSON."""


@dataclass(frozen=True)
class MergeCommit:
    """A commit that merged a batch of order events: the batch's end, and what the engine counted."""

    end: Offsets
    counted: dict[str, Any]


def fed_batch(table: DeltaTable) -> int:
    """The last batch of order events that changed a table; NEVER for a table that is made from a file."""
    version = table.transaction_version(FED_BY)
    return NEVER if version is None else version


def is_fed(table: DeltaTable) -> bool:
    """Whether a table takes order events instead of its file."""
    return fed_batch(table) != NEVER


def fed_table(warehouse: Warehouse, name: str) -> DeltaTable | None:
    """A table that takes order events; None for one that is made from its file, or does not exist."""
    stored = warehouse.existing_tables([name]).get(name)
    return stored if stored and is_fed(stored) else None


def merge_commit(table: DeltaTable, batch: int) -> MergeCommit | None:
    """The commit that merged a batch into a table; None if the log does not have it any more."""
    for commit in delta_log.commits(location(table)):
        info = commit.info or {}
        fields = read_user_metadata(info.get("userMetadata")).get("order_events") or {}
        if fields.get("batch") == batch:
            return MergeCommit(fields["end"], info.get("operationMetrics") or {})
    return None


def offset_stored(table: DeltaTable, topic: str, partition: int) -> int:
    """The offset of the last message of a topic's partition that a table of messages has; NEVER without one."""
    version = table.transaction_version(partition_id(topic, partition))
    return NEVER if version is None else version


def partition_id(topic: str, partition: int) -> str:
    """The application whose versions are the offsets of a topic's partition."""
    return f"{topic}/{partition}"


def topic_property(topic: str) -> str:
    """The property of a table of messages that has the id of a topic, whose offsets its log has."""
    return f"olist.topic.{topic}"
