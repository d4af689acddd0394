"""What the platform needs of an engine. Its members compute with PySpark's DataFrames and write Delta tables."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Literal
from weakref import WeakSet

from olist_assets.contracts.table import Table
from olist_assets.engine.merge import Changed, Merge
from olist_assets.engine.write_plan import Write
from olist_assets.kafka.connection import Kafka
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.feeds import offset_stored
from olist_assets.lakehouse.schemas import SchemaChange
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets.source.csv_file import CsvFile

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

Flavour = Literal["sklearn", "spark"]
"""The library that trains and runs the models on an engine."""
# Delta's own safe minimum: a running reader or a time travel query may still need younger files.
WEEK_HOURS = 168
STATISTICS_OF_MESSAGES = ("delta.dataSkippingStatsColumns", "topic,partition,offset,kafka_timestamp")
"""A property of tables of messages: the log has no bounds of their texts.

Nobody looks for them, they would be texts of persons, and Spark copies both bounds for each row, of a message of 10 MB
too.
"""
_SESSIONS = WeakSet["SparkSession"]()


@dataclass(frozen=True)
class TakeMessages:
    """What an engine takes from a topic: everything from the stored offsets on, commit after commit.

    `on_commit` is called after each commit, and also now and then while nothing arrives; it returns whether to go on.
    """

    kafka: Kafka
    warehouse: Warehouse
    contract: Table
    on_commit: Callable[[], bool]
    partitions: Sequence[int]
    until: Mapping[int, int] | None = None
    """The offset before which to stop, by partition; None goes on."""
    skip_missing: bool = False
    """Whether messages that Kafka has deleted unread may be left out."""
    erasure: "Callable[[], Callable[[pa.Table], pa.Table] | None]" = lambda: None
    """Called under the lock of the table before each commit: what erases people from messages; None if nobody is."""

    def stored(self) -> "DeltaTable | None":
        """The table of the messages; None before its first message."""
        return self.warehouse.existing_tables([self.contract.name]).get(self.contract.name)

    def next_offsets(self) -> dict[int, int]:
        """The offset after the last stored one, by partition; none before the first message."""
        stored = self.stored()
        return {n: offset_stored(stored, self.kafka.topic, n) + 1 for n in self.partitions} if stored else {}


class Engine(ABC):
    """One engine for the length of a run. Its session starts at its first use and is the process's only one."""

    flavour: ClassVar[Flavour]
    starting: ClassVar[Lock] = Lock()
    """Held while the process's session starts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def session(self) -> "SparkSession":
        """The session, usable in the calling thread. Raises OlistError where it cannot start."""

    @abstractmethod
    def require(self) -> None:
        """Raises OlistError, before a run begins, if the engine cannot start."""

    @abstractmethod
    def findings(self) -> Mapping[str, Callable[[], str]]:
        """What `olist doctor` examines, by subject; each returns a text or raises OlistError."""

    @abstractmethod
    def read_csv(self, file: CsvFile) -> "DataFrame":
        """All records of a CSV file as text: the columns of its header, and CORRUPT.

        CORRUPT is the whole record where it has another number of fields than the header, else null.
        """

    @abstractmethod
    def read_table(self, table: "DeltaTable") -> "DataFrame":
        """The rows of a table at the opened version."""

    @abstractmethod
    def write(self, path: Path, contract: Table, write: Write, change: SchemaChange | None, metadata: str) -> None:
        """Write rows as one commit with this `userMetadata`.

        `change` is that of the stored schema, None for a new table. Raises OlistError; nothing is written then.
        """

    @abstractmethod
    def merge(self, path: Path, contract: Table, merge: Merge, change: SchemaChange, metadata: str) -> Changed:
        """Merge changes into an existing table as one commit with this `userMetadata`.

        `change` is that of the stored schema. Raises OlistError; nothing is written then.
        """

    def create_empty(self, path: Path, contract: Table) -> None:
        """Create a table without rows, for a first merge."""
        self.write(path, contract, Write(self.no_rows(contract)), None, user_metadata())

    def no_rows(self, contract: Table) -> "DataFrame":
        """A frame with the columns of a contract and no rows."""
        fields = ", ".join(f"`{column.name}` {column.type}" for column in contract.columns)
        return self.session.createDataFrame([], fields)

    @abstractmethod
    def take_messages(self, take: "TakeMessages") -> None:
        """Append the messages of a topic to their table, each exactly once. Raises OlistError."""

    @abstractmethod
    def framed(self, rows: "pa.Table") -> AbstractContextManager["DataFrame"]:
        """Arrow rows as a frame."""

    @abstractmethod
    def held(self, frame: "DataFrame") -> AbstractContextManager["DataFrame"]:
        """The rows of a frame, computed once for several uses."""

    @abstractmethod
    def read_files(self, table: "DeltaTable", files: Sequence[str]) -> "DataFrame":
        """The rows of some data files of a table, by their paths."""

    @abstractmethod
    def save(self, frame: "DataFrame", path: Path) -> None:
        """Write a frame as a new Delta table outside the catalog."""

    @abstractmethod
    def restore(self, path: Path, version: int, metadata: str) -> None:
        """Make the content of a table that of an earlier version, as a new commit. Raises OlistError."""

    @abstractmethod
    def set_property(self, path: Path, name: str, value: str) -> None:
        """Set a property of a table, as a commit without files."""

    @abstractmethod
    def require_writable(self, table: "DeltaTable") -> None:
        """Raises OlistError for a table that this engine can only read."""

    @abstractmethod
    def optimize(self, path: Path, contract: Table) -> None:
        """Join small files; a daily table's files contain few days afterwards."""

    @abstractmethod
    def require_clustering(self) -> None:
        """Raises OlistError if this engine cannot cluster a table."""

    @abstractmethod
    def cluster(self, path: Path, contract: Table) -> None:
        """Cluster a daily table by its days (liquid clustering)."""

    @abstractmethod
    def vacuum(self, path: Path, retention_hours: int) -> None:
        """Remove data files that the newest version does not need and that are older than this."""

    @abstractmethod
    def close(self) -> None:
        """Release what the run used; a session in the process belongs to the process and stays."""


def interruptible(session: "SparkSession") -> "SparkSession":
    """Register a session of this process with `interrupt_sessions`."""
    _SESSIONS.add(session)
    return session


def interrupt_sessions() -> None:
    """Cancel what this process's sessions execute at this moment; the waiting callers get an error."""
    for session in tuple(_SESSIONS):  # another thread may be starting one
        session.interruptAll()
