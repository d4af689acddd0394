"""From a Kafka topic to the bronze tables: messages are appended to a table, and its events merged from there.

Every step can be repeated. A message is appended once, since the log of `bronze_order_events` has the last offset of
each partition. A batch of events is merged into one table after the other, each merge keeps only what is newer than
the stored row, and the row of `monitoring_stream` that ends the batch comes last: after a kill, the same batch is
merged again, and tables that already have it are left out.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.table import Column, Table
from olist_assets.engine.engine import Engine, TakeMessages
from olist_assets.engine.event_records import alive, decoded, deletions, latest, records
from olist_assets.engine.merging import merge_changes
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import recreated
from olist_assets.kafka.topic import topic_id, watermarks
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.feeds import fed_batch, is_fed, topic_property
from olist_assets.lakehouse.history_table import Row, append_derived
from olist_assets.lakehouse.order_days import days_of_orders
from olist_assets.lakehouse.schemas import shape
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.batches import (
    BATCHES,
    BRONZE,
    EVENTS,
    TOMBSTONES,
    Batch,
    Counted,
    counted_in,
    end_of,
    last_finished,
    limited,
    next_start,
    range_of,
    rows_merged,
    small_files,
)
from olist_assets.order_events.erasing import EventErasure
from olist_assets.order_events.stored_messages import StoredMessages

QUERY = "order_events"
# Messages that one batch merges at most: the rows of its tables are in memory on an engine without a JVM.
MAX_MESSAGES = 200_000
# Files that a table of the stream may have more than before, until they are joined.
SMALL_FILES = 40
# Between two batches, so that another process gets its turn.
SECONDS_FOR_OTHERS = 0.1
# A merge rewrites whole files, megabytes for a hundred events. What it has replaced is kept for running readers, much
# shorter than elsewhere: every version of these tables can be made again from the stored messages.
HOURS_KEPT, BATCHES_BETWEEN_CLEANINGS = 1, 100


@dataclass(frozen=True)
class Merged:
    """A finished batch: its row of `monitoring_stream`, the tables that it changed, the orders' days among it."""

    row: Row
    tables: tuple[str, ...]
    days: frozenset[date]


@dataclass
class EventStream:
    """Order events of one topic on their way to the bronze tables of a warehouse."""

    warehouse: Warehouse
    engine: Engine
    kafka: Kafka
    skip_missing: bool = False
    """Whether messages that Kafka has deleted unread may be left out."""
    _all_merged: StoredMessages | None = field(default=None, init=False)
    """The newest stored messages of which this process knows that all are merged."""

    def take_available(self) -> list[Merged]:
        """Append what the topic has now, and merge all of it. Raises OlistError."""
        merged: list[Merged] = []

        def merge() -> bool:
            merged.extend(self.merge_stored())
            return True

        self._append(merge, self._available())
        merge()
        return merged

    def append_available(self) -> None:
        """Append what the topic has now. Raises OlistError."""
        self._append(lambda: True, self._available())

    def run(self, on_batch: Callable[[Merged | None], bool]) -> None:
        """Append and merge until `on_batch` returns False.

        It is called after each batch, and with None whenever all that is stored has been merged.
        """

        def is_wanted() -> bool:
            return all(map(on_batch, self.merge_stored())) and on_batch(None)

        if is_wanted():
            self._append(is_wanted, None)

    def merge_stored(self) -> Iterator[Merged]:
        """Merge all stored messages that no finished batch has merged, batch by batch."""
        while merged := self._merge_next():
            yield merged
            # Whoever waits for the lock looks for it every 50 ms, and gives up after a while.
            time.sleep(SECONDS_FOR_OTHERS)

    @contextmanager
    def all_merged(self, purpose: str) -> Iterator[None]:
        """All that is stored is merged, and nothing is merged by others while the body runs."""
        with self._without_merges(purpose):
            while batch := self._next_batch():
                self._merged(batch)
            yield

    def _without_merges(self, purpose: str) -> AbstractContextManager[None]:
        """Merges are made one at a time, in whatever process: a batch is a range of offsets."""
        return self.warehouse.lock(self.warehouse.path(BATCHES).with_suffix(".merging"), purpose)

    def _merge_next(self) -> Merged | None:
        """Merge one batch; None if all is merged."""
        with self._without_merges("merging order events"):
            batch = self._next_batch()
            if batch is None:
                return None
            merged = self._merged(batch)
            self._all_merged = batch.completes or self._all_merged
            return merged

    def _contract(self, name: str) -> Table:
        return self.warehouse.catalog.table(name)

    def _existing(self, name: str) -> DeltaTable | None:
        return self.warehouse.existing_tables([name]).get(name)

    def _available(self) -> dict[int, int]:
        """The offset after the last message, by partition."""
        return {partition: following for partition, (_, following) in watermarks(self.kafka).items()}

    def _append(self, on_commit: Callable[[], bool], until: Mapping[int, int] | None) -> None:
        known = topic_id(self.kafka)
        self._require_topic(known)

        def committed() -> bool:
            self._remember_topic(known)
            self._join_small_files(EVENTS)
            return on_commit()

        partitions = sorted(watermarks(self.kafka) if until is None else until)
        erasure = EventErasure(self.warehouse, self.engine).of_listed
        take = TakeMessages(
            self.kafka, self.warehouse, self._contract(EVENTS), committed, partitions, until, self.skip_missing,
            erasure,
        )  # fmt: skip
        self.engine.take_messages(take)

    def _require_topic(self, known: str) -> None:
        """Raises OffsetsMissing if the stored offsets are those of another topic with this name."""
        events = self._existing(EVENTS)
        stored = events.metadata().configuration.get(topic_property(self.kafka.topic)) if events else None
        if stored not in (None, known):
            raise recreated(self.kafka.topic)

    def _remember_topic(self, known: str) -> None:
        path, name = self.warehouse.path(EVENTS), topic_property(self.kafka.topic)
        events = self._existing(EVENTS)
        if events is not None and name not in events.metadata().configuration:
            with self.warehouse.lock(path, "remembering the topic"):
                self.engine.set_property(path, name, known)

    def _next_batch(self) -> Batch | None:
        events = self._existing(EVENTS)
        known = self._all_merged
        if events is None or (known and events.version() == known.table.version()):
            return None
        last, start = last_finished(self.warehouse)
        fed = {name: table for name in (TOMBSTONES, *BRONZE) if (table := self._existing(name))}
        newest = max(map(fed_batch, fed.values()), default=last)
        if newest > last:
            # Interrupted after its first merges: exactly that batch, as these tables will not be merged again.
            if end := end_of(newest, fed.values()):
                return Batch(newest, start, end)
            # The logs keep their commits for a while only. The next batch has its messages once more.
            self._finish(Batch(newest, start, start), Counted())
            last = newest
        stored = StoredMessages.of(self.warehouse, events)
        following = stored.positions()
        start = next_start(start, following, stored)
        end = limited(start, following, MAX_MESSAGES)
        if end != start:
            return Batch(last + 1, start, end, stored if end == following else None)
        self._all_merged = stored
        return None

    def _merged(self, batch: Batch) -> Merged:
        started = time.monotonic()
        events = self.warehouse.open(EVENTS)
        files = StoredMessages.of(self.warehouse, events).files_with(batch.spans, merged=self._all_merged)
        messages = self.engine.read_files(events, files).where(range_of(batch))
        with self.engine.held(decoded(messages).drop("value", "key")) as changes:
            counted = counted_in(changes)
            metadata = user_metadata(order_events={"batch": batch.number, "end": batch.end})
            applied, days, orders = 0, frozenset[date](), None
            if counted.deleted:
                self._merge(self._contract(TOMBSTONES), deletions(changes), batch, metadata)
            for subject, columns in sorted(counted.columns.items()):
                if subject == "orders":
                    orders = changes.where(F.col("subject") == subject).select("event_key").distinct().toArrow()
                    days = self._days_of(orders)
                applied += self._merge_bronze(subject, columns, changes, batch, metadata)
            # An order may have moved to another day.
            days |= self._days_of(orders) if orders else frozenset()
        seconds = round(time.monotonic() - started, 3)
        row = self._finish(batch, counted, applied=applied, days_touched=len(days), seconds=seconds)
        self._join_small_files(BATCHES)
        if batch.number % BATCHES_BETWEEN_CLEANINGS == BATCHES_BETWEEN_CLEANINGS - 1:
            self._remove_old_files()
        tables = tuple(f"bronze_{subject}" for subject in counted.columns)
        return Merged(row, (*tables, *((TOMBSTONES,) if counted.deleted else ())), days)

    def _finish(
        self, batch: Batch, counted: "Counted", *, applied: int = 0, days_touched: int = 0, seconds: float = 0.0
    ) -> Row:
        """Append the row of `monitoring_stream` that ends a batch."""
        committed_at = datetime.now(UTC)
        row = {
            "query": QUERY,
            "batch": batch.number,
            "offsets_from": json.dumps(batch.start),
            "offsets_to": json.dumps(batch.end),
            "rows": counted.rows,
            "applied": applied,
            "superseded": counted.rows - counted.bad - applied,
            "rejected": counted.bad,
            "days_touched": days_touched,
            "seconds": seconds,
            "lag_seconds": max(0.0, (committed_at - counted.oldest).total_seconds()) if counted.oldest else 0.0,
            "committed_at": committed_at,
        }
        append_derived(self.warehouse, self._contract(BATCHES), lambda: [row])
        return row

    def _merge_bronze(self, subject: str, columns: set[str], changes: DataFrame, batch: Batch, metadata: str) -> int:
        """Merge a batch into one bronze table; the number of its rows that changed."""
        source, contract = SOURCES[subject], self._contract(f"bronze_{subject}")
        stored = self._existing(contract.name)
        known = {*contract.column_names, *(shape(stored) if stored else ())}
        more = sorted((columns | known) - {*contract.column_names})
        extended = replace(contract, columns=(*contract.columns, *map(_unknown_column, more)))
        newest = latest(changes.where(F.col("subject") == subject))
        found, tombstones = records(newest, source, more), self._existing(TOMBSTONES)
        if tombstones:
            found = alive(found, self.engine.read_table(tombstones), contract.name, source)
        return self._merge(extended, found, batch, metadata)

    def _merge(self, contract: Table, frame: DataFrame, batch: Batch, metadata: str) -> int:
        """Merge changes into a table, which is created if it does not exist; the number of rows that changed."""
        path = self.warehouse.path(contract.name)
        with self.warehouse.lock(path, "merging order events"):
            table = self._existing(contract.name)
            if table and fed_batch(table) >= batch.number:
                return rows_merged(table, batch.number)
            done = merge_changes(self.warehouse, self.engine, contract, table, frame, metadata, batch.number)
        self._join_small_files(contract.name)
        return done.rows

    def _days_of(self, keys: pa.Table) -> frozenset[date]:
        """The days of these orders as they are stored now."""
        orders = self.warehouse.catalog.orders
        stored = self._existing(orders.name)
        return days_of_orders(self.warehouse, orders, stored, keys) if stored else frozenset()

    def _join_small_files(self, name: str) -> None:
        """Join files once there are many: every batch leaves at least one, and a reader opens them all."""
        table = self._existing(name)
        if table is None or small_files(table) <= SMALL_FILES:
            return
        with self.warehouse.lock(self.warehouse.path(name), "joining small files"):
            self.engine.optimize(self.warehouse.path(name), self._contract(name))

    def _remove_old_files(self) -> None:
        """Remove what merges, and the joining of small files, have replaced."""
        existing = self.warehouse.existing_tables([EVENTS, TOMBSTONES, BATCHES, *BRONZE])
        for name in (name for name, table in existing.items() if name not in BRONZE or is_fed(table)):
            with self.warehouse.lock(self.warehouse.path(name), "removing old files"):
                self.engine.vacuum(self.warehouse.path(name), HOURS_KEPT)


def _unknown_column(name: str) -> Column:
    return Column(name, "string", "Not in the contract.", nullable=True)
