"""Batches of stored messages: what they have, where they begin and end, and what the logs tell of them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from math import ceil
from operator import or_

from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.event_records import DELETE, IS_BAD, IS_CHANGE
from olist_assets.engine.write_plan import ROWS_PER_FILE
from olist_assets.lakehouse.feeds import Offsets, fed_batch, merge_commit
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import file_actions, files_with_highest
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.stored_messages import Span, StoredMessages

EVENTS, TOMBSTONES, BATCHES = "bronze_order_events", "bronze_tombstones", "monitoring_stream"
BRONZE = tuple(f"bronze_{subject}" for subject in SOURCES)


@dataclass(frozen=True)
class Batch:
    """A batch of stored messages: its number, and the offsets from which and before which it has them."""

    number: int
    start: Offsets
    end: Offsets
    completes: StoredMessages | None = None
    """The stored messages that are all merged with this batch, if it is the last one."""

    @property
    def spans(self) -> Iterator[Span]:
        """What the batch has, by topic and partition."""
        for topic, of_topic in self.end.items():
            for partition, following in of_topic.items():
                first = self.start.get(topic, {}).get(partition, 0)
                if first < following:
                    yield topic, int(partition), first, following


@dataclass
class Counted:
    """What a batch has: messages, those that are no events, deletions, the columns of the records by subject."""

    rows: int = 0
    bad: int = 0
    deleted: int = 0
    columns: dict[str, set[str]] = field(default_factory=dict)
    oldest: datetime | None = None


def counted_in(changes: DataFrame) -> Counted:
    """Count decoded messages, by one query."""
    names = F.when(F.col(IS_CHANGE), F.array_join(F.map_keys("image"), ":")).alias("names")
    subject = F.when(F.col(IS_CHANGE), F.col("subject")).alias("of")
    is_deletion = (F.col(IS_CHANGE) & (F.col("op") == DELETE)).alias("is_deletion")
    grouped = changes.groupBy(subject, names, is_deletion, IS_BAD)
    found = Counted()
    for row in grouped.agg(F.count("*").alias("n"), F.min("kafka_timestamp").alias("oldest")).collect():
        found.rows += row.n
        found.bad += row.n if row[IS_BAD] else 0
        found.deleted += row.n if row.is_deletion else 0
        if row.of:
            found.columns.setdefault(row.of, set()).update((row.names or "").split(":") if row.names else ())
        oldest = row.oldest.replace(tzinfo=UTC)
        found.oldest = min(found.oldest or oldest, oldest)
    return found


def last_finished(warehouse: Warehouse) -> tuple[int, Offsets]:
    """Number and end of the last finished batch; -1 without one."""
    batches = warehouse.existing_tables([BATCHES])
    if not batches:
        return -1, {}
    # One row per batch, so that reading all of them would take longer every day.
    newest = files_with_highest(batches[BATCHES], "batch")
    with warehouse.sql() as con:
        create_view(con, BATCHES, batches[BATCHES], newest)
        number, end = con.sql(f"SELECT max(batch), arg_max(offsets_to, batch) FROM {BATCHES}").fetchall()[0]
    return (-1, {}) if number is None else (number, json.loads(end))


def messages_between(start: Offsets, end: Offsets) -> int:
    """How many offsets there are from `start` and before `end`."""
    return sum(
        following - start.get(topic, {}).get(partition, 0)
        for topic, of_topic in end.items()
        for partition, following in of_topic.items()
    )


def next_start(merged: Offsets, following: Offsets, stored: StoredMessages) -> Offsets:
    """Where the next batch begins: after what is merged, and in a new partition at its first message, of any offset."""
    new = {(topic, int(n)) for topic, of_topic in following.items() for n in of_topic if n not in merged.get(topic, {})}
    firsts = stored.first_offsets(new) if new else {}
    return {topic: firsts.get(topic, {}) | merged.get(topic, {}) for topic in following}


def limited(start: Offsets, end: Offsets, most: int) -> Offsets:
    """The end of a batch that begins at `start` and has `most` messages at most."""
    waiting = messages_between(start, end)
    share = min(1.0, most / waiting) if waiting else 1.0

    def until(first: int, following: int) -> int:
        return first + ceil((following - first) * share)

    return {
        topic: {p: until(start.get(topic, {}).get(p, 0), following) for p, following in of_topic.items()}
        for topic, of_topic in end.items()
    }


def range_of(batch: Batch) -> Column:
    """Whether a message belongs to the batch."""
    parts = (
        (F.col("topic") == topic) & (F.col("partition") == partition)
        & (F.col("offset") >= first) & (F.col("offset") < following)
        for topic, partition, first, following in batch.spans
    )  # fmt: skip
    return reduce(or_, parts)


def small_files(table: DeltaTable) -> int:
    """How many files of a table have fewer than half of the rows that a file should have."""
    return sum(rows < ROWS_PER_FILE / 2 for rows in file_actions(table)["num_records"].to_pylist())


def end_of(number: int, tables: Iterable[DeltaTable]) -> Offsets | None:
    """Where a batch ends that was merged into some of these tables; None if no log has one of its commits any more."""
    commits = (merge_commit(table, number) for table in tables if fed_batch(table) == number)
    return next((commit.end for commit in commits if commit), None)


def rows_merged(table: DeltaTable, number: int) -> int:
    """How many rows the merge of a batch has changed, as its commit says; 0 if the log does not have it any more."""
    commit = merge_commit(table, number)
    # deltalake and Spark spell the numbers differently.
    counted = {name.replace("_", "").lower(): int(value) for name, value in (commit.counted if commit else {}).items()
               if str(value).isdigit()}  # fmt: skip
    return sum(counted.get(f"numtargetrows{what}", 0) for what in ("inserted", "updated", "deleted"))
