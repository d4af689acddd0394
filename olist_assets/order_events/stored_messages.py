"""Which messages are stored, and in which files, as the log of their table says.

The commit that appends messages names the last offset of each partition, and the log has the bounds of topic, partition
and offset of each file. So a batch costs the same however many messages are stored: only files of which the log does
not say enough are read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from deltalake import DeltaTable

from olist_assets.lakehouse.feeds import NEVER, Offsets, offset_stored
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files, file_actions
from olist_assets.lakehouse.warehouse import Warehouse

Place = tuple[str, int]
"""Topic and partition."""
Span = tuple[str, int, int, int]
"""Topic, partition, first offset and the offset after the last."""
BOUNDS = [f"{bound}.{name}" for name in ("topic", "partition", "offset") for bound in ("min", "max")]


@dataclass(frozen=True)
class MessageFile:
    """A data file of one topic: its messages are within these partitions and offsets."""

    path: str
    topic: str
    partitions: range
    offsets: range

    @property
    def places(self) -> set[Place]:
        return {(self.topic, partition) for partition in self.partitions}

    def may_have(self, span: Span) -> bool:
        topic, partition, first, following = span
        overlaps = first < self.offsets.stop and self.offsets.start < following
        return topic == self.topic and partition in self.partitions and overlaps


@dataclass(frozen=True)
class StoredMessages:
    """The messages in an opened version of their table."""

    warehouse: Warehouse
    table: DeltaTable
    files: list[MessageFile]
    others: list[str]
    """Files of several topics, or without bounds in the log."""

    @classmethod
    def of(cls, warehouse: Warehouse, table: DeltaTable) -> Self:
        """Raises ForeignFiles."""
        files, others = list[MessageFile](), list[str]()
        for path, bounds in zip(data_files(table), _bounds(table), strict=True):
            topic, last_topic, partition, last_partition, offset, last_offset = bounds
            # The bounds of a long text are shortened, and then differ.
            if None in bounds or topic != last_topic:
                others.append(path)
            else:
                partitions, offsets = range(partition, last_partition + 1), range(offset, last_offset + 1)
                files.append(MessageFile(path, topic, partitions, offsets))
        return cls(warehouse, table, files, others)

    @property
    def paths(self) -> frozenset[str]:
        return frozenset([*self.others, *(file.path for file in self.files)])

    def positions(self) -> Offsets:
        """The offset after the last stored one, by topic and partition."""
        places = {place for file in self.files for place in file.places} | {*self._firsts_in(self.others)}
        found: Offsets = {}
        for topic, partition in sorted(places):
            # A file may have no message of a partition between two others.
            if (last := offset_stored(self.table, topic, partition)) != NEVER:
                found.setdefault(topic, {})[str(partition)] = last + 1
        return found

    def first_offsets(self, places: set[Place]) -> Offsets:
        """The first stored offset of these topics and partitions."""
        wanted = [file for file in self.files if file.places & places]
        mixed = [file.path for file in wanted if len(file.partitions) > 1]
        found = [(file.places.pop(), file.offsets.start) for file in wanted if len(file.partitions) == 1]
        firsts: Offsets = {}
        for (topic, partition), first in [*found, *self._firsts_in([*mixed, *self.others]).items()]:
            if (topic, partition) in places:
                of_topic, name = firsts.setdefault(topic, {}), str(partition)
                of_topic[name] = min(first, of_topic.get(name, first))
        return firsts

    def files_with(self, spans: Iterable[Span], *, merged: Self | None = None) -> list[str]:
        """The data files that may have messages of these spans, but for files whose messages are all merged.

        The bounds of a file of several partitions that are filled unevenly overlap with those of most others.
        """
        wanted, known = [*spans], merged.paths if merged else frozenset()
        found = self.others + [file.path for file in self.files if any(map(file.may_have, wanted))]
        return [path for path in found if path not in known]

    def _firsts_in(self, paths: list[str]) -> dict[Place, int]:
        """The first offset of each topic and partition in some files, by reading them."""
        if not paths:
            return {}
        query = 'SELECT topic, "partition", min("offset") FROM messages GROUP BY ALL'
        with self.warehouse.sql() as con:
            create_view(con, "messages", self.table, paths)
            return {(topic, partition): first for topic, partition, first in con.sql(query).fetchall()}


def _bounds(table: DeltaTable) -> Iterator[tuple[Any, ...]]:
    """The values of BOUNDS per data file; None where the log has none."""
    actions = file_actions(table)
    columns = [actions[name].to_pylist() if name in actions.column_names else [None] * len(actions) for name in BOUNDS]
    return zip(*columns, strict=True)
