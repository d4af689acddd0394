"""Sail as an engine: it computes, deltalake writes. No JVM."""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from duckdb import DuckDBPyConnection
from pyspark.sql import DataFrame, SparkSession
from upath import UPath

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.table import Table
from olist_assets.engine.csv_records import CSV_OPTIONS, text_columns, with_misfits
from olist_assets.engine.engine import Engine, TakeMessages, interruptible
from olist_assets.engine.merge import Changed, Merge
from olist_assets.engine.sail import server
from olist_assets.engine.sail.delta_writer import DeltaWriter, opened_to_write, require_unclustered
from olist_assets.engine.sail.messages import take_messages
from olist_assets.engine.sail.relay import is_supported
from olist_assets.engine.sail.upkeep import order_files
from olist_assets.engine.write_plan import Write
from olist_assets.errors import Caution, OlistError
from olist_assets.lakehouse import sql
from olist_assets.lakehouse.commit_metadata import commit_properties
from olist_assets.lakehouse.object_store import location, open_delta, vacuum, write_delta
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.schemas import SchemaChange, shape
from olist_assets.lakehouse.statistics import data_files
from olist_assets.paths import plain_path
from olist_assets.private_files import plain_scratch
from olist_assets.source.csv_file import CsvFile
from olist_assets.source.files import source_bytes

# Of a run over little data, and for each byte of the source: measured in docs/performance.md.
FIXED_BYTES, BYTES_PER_BYTE = 1_300_000_000, 10


class SailEngine(Engine):
    """Sail's Spark Connect server in the process, which exchanges rows with deltalake and DuckDB as Parquet files."""

    flavour = "sklearn"

    @property
    def session(self) -> SparkSession:
        with self.starting:
            session = interruptible(server.session())
        from pyspark.sql.connect.session import SparkSession as RemoteSession

        # Functions without a frame look for the session of their thread.
        RemoteSession._set_default_and_active_session(session)  # pyright: ignore
        return session

    def require(self) -> None:
        pass

    def findings(self) -> Mapping[str, Callable[[], str]]:
        return {"memory": self._memory, "engine's port": self._port}

    def _port(self) -> str:
        if is_supported():
            return "closed to other users of this machine"
        raise Caution("Open to other users of this machine while a run lasts: they could run plans as you.")

    def _memory(self) -> str:
        needed, installed = memory_needed(source_bytes(self.settings)), installed_memory()
        found = f"about {needed / 1e9:.1f} GB of {installed / 1e9:.1f} GB for a run over this source"
        if needed > installed:
            raise OlistError(f"A run needs {found}. Spark needs less: set OLIST_ENGINE=spark.")
        return found

    def read_csv(self, file: CsvFile) -> DataFrame:
        reader = self.session.read.schema(text_columns(file.header)).options(**CSV_OPTIONS)
        return with_misfits(reader.csv(plain_path(file.path)), file)

    def read_table(self, table: DeltaTable) -> DataFrame:
        return self.read_files(table, data_files(table))

    def read_files(self, table: DeltaTable, files: Sequence[str]) -> DataFrame:
        # Spark writes every column as nullable, and a MERGE by deltalake strings of another Arrow type (string_view):
        # Sail refuses arrays and strings of such files that are declared NOT NULL.
        fields = ", ".join(
            f"`{name}` {kind}{'' if nullable or kind.startswith(('array', 'string')) else ' NOT NULL'}"
            for name, (kind, nullable) in shape(table).items()
        )
        if not files:
            return self.session.createDataFrame([], fields)
        require_readable(table, files[0])
        return self.session.read.schema(fields).parquet(*map(plain_path, files))

    def write(self, path: Path, contract: Table, write: Write, change: SchemaChange | None, metadata: str) -> None:
        DeltaWriter(path, contract, self._computed).write(write, change, metadata)

    def merge(self, path: Path, contract: Table, merge: Merge, change: SchemaChange, metadata: str) -> Changed:
        return DeltaWriter(path, contract, self._computed).merge(merge, change, metadata)

    def take_messages(self, take: TakeMessages) -> None:
        take_messages(take)

    @contextmanager
    def framed(self, rows: pa.Table) -> Iterator[DataFrame]:
        # A message to Sail has at most 128 MB.
        folder = plain_scratch() / uuid.uuid4().hex
        folder.mkdir()
        try:
            pq.write_table(rows, folder / "rows.parquet", compression="none")
            yield self.session.read.parquet(str(folder))
        finally:
            rmtree(folder, ignore_errors=True)

    @contextmanager
    def held(self, frame: DataFrame) -> Iterator[DataFrame]:
        # Sail does not persist frames.
        folder = plain_scratch() / uuid.uuid4().hex
        frame.write.parquet(str(folder))
        try:
            yield self.session.read.schema(frame.schema).parquet(str(folder)) if folder.exists() else frame
        finally:
            rmtree(folder, ignore_errors=True)

    def save(self, frame: DataFrame, path: Path) -> None:
        with self._computed(frame) as rows:
            write_delta(path, rows)

    def restore(self, path: Path, version: int, metadata: str) -> None:
        # Not `opened_to_write`: a restore is one of the ways back to files that can be read.
        table = open_delta(path)
        require_unclustered(table)
        try:
            table.restore(version, commit_properties=commit_properties(metadata))
        except DeltaError as error:
            why = str(error).splitlines()[0]
            raise OlistError(f"deltalake cannot restore {path.name} to version {version}: {why}") from error

    def set_property(self, path: Path, name: str, value: str) -> None:
        opened_to_write(path).alter.set_table_properties({name: value}, raise_if_not_exists=False)

    def require_writable(self, table: DeltaTable) -> None:
        require_unclustered(table)

    def optimize(self, path: Path, contract: Table) -> None:
        order_files(opened_to_write(path), contract)

    def require_clustering(self) -> None:
        raise OlistError("Only Spark can cluster tables: set OLIST_ENGINE=spark. Nothing was changed.")

    def cluster(self, path: Path, contract: Table) -> None:  # noqa: ARG002
        self.require_clustering()

    def vacuum(self, path: Path, retention_hours: int) -> None:
        opened_to_write(path)
        vacuum(path, retention_hours)

    def close(self) -> None:
        """The session belongs to the process."""

    @contextmanager
    def _computed(self, frame: DataFrame, order: tuple[str, ...] = ()) -> Iterator[pa.RecordBatchReader]:
        """The rows of a frame, ordered by these columns.

        They go through Parquet files: to collect them through the client takes twice as long and holds them all in
        memory. Sail distributes rows over several files whatever their order, hence DuckDB sorts. Sail would
        compress by Zstandard, which takes longer than all else of a file that is read once.
        """
        folder = plain_scratch() / uuid.uuid4().hex
        frame.write.parquet(str(folder), compression="uncompressed")
        try:
            with sql.session(self.settings) as con:
                yield self._rows(con, frame, folder, order)
        finally:
            rmtree(folder, ignore_errors=True)

    def _rows(
        self, con: DuckDBPyConnection, frame: DataFrame, folder: Path, order: tuple[str, ...]
    ) -> pa.RecordBatchReader:
        if not folder.exists():
            # Sail writes no file for no rows.
            return frame.toArrow().to_reader()
        by = f" ORDER BY {', '.join(map(identifier, order))}" if order else ""
        rows = con.sql(f"FROM read_parquet({literal(f'{folder}/*.parquet')}){by}")
        return rows.to_arrow_reader()


def installed_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_needed(source: int) -> int:
    """Bytes that a run over a source of so many bytes takes at its peak."""
    return FIXED_BYTES + BYTES_PER_BYTE * source


def require_readable(table: DeltaTable, file: str) -> None:
    """Raises ForeignFiles, and OlistError for what Sail alone cannot read: partition folders and INT96 timestamps.

    Timestamps are written as INT96 by Spark's defaults, and were by this platform before it had two engines.
    """
    require_plain_files(table)
    name, foreign = location(table).name, ["partition columns"] if table.metadata().partition_columns else []
    if not foreign and any(kind == "timestamp" for kind, _ in shape(table).values()) and _has_int96(file):
        foreign.append("timestamps of an older kind (INT96)")
    if foreign:
        raise OlistError(f"{name} has {', '.join(foreign)}, which Sail cannot read: set OLIST_ENGINE=spark.")


def _has_int96(file: str) -> bool:
    with UPath(file).open("rb") as opened:
        columns = pq.ParquetFile(opened).schema
        return any(columns.column(at).physical_type == "INT96" for at in range(len(columns)))
