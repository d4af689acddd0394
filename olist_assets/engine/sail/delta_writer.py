"""One frame as one Delta commit, by deltalake: the contract enforced, the table created, its schema evolved."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Field, Transaction
from deltalake.exceptions import DeltaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from olist_assets.contracts.quoting import literal
from olist_assets.contracts.table import Table
from olist_assets.engine import write_plan
from olist_assets.engine.conformance import DISK_FULL, ContractViolation, conformed, disk_full, null_refused
from olist_assets.engine.merge import IS_DELETE, Changed, Merge
from olist_assets.engine.write_plan import Write
from olist_assets.errors import OlistError
from olist_assets.lakehouse.arrow_types import arrow_field, arrow_schema
from olist_assets.lakehouse.commit_metadata import commit_properties
from olist_assets.lakehouse.feeds import FED_BY
from olist_assets.lakehouse.object_store import location, open_delta, write_delta
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.schemas import SchemaChange, has_other_comments

Computed = Callable[[DataFrame, tuple[str, ...]], AbstractContextManager[pa.RecordBatchReader]]
"""Computes the rows of a frame, ordered by these columns."""
FILE_SIZE = "delta.targetFileSize"
CLUSTERING = "clustering"
# Bytes of a row in a file, where a first write has too few rows to measure it.
ROW_BYTES, MIN_ROWS_MEASURED = 64, 10_000
# deltalake distributes batches over its threads and writes them as they come back, so that only the rows of one batch
# stay in order. Of this size each fills several files.
BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class DeltaWriter:
    """Writes the table of a contract at a path."""

    path: Path
    contract: Table
    computed: Computed

    def write(self, write: Write, change: SchemaChange | None, metadata: str) -> None:
        """Commit the rows; `change` is that of the stored schema, None for a new table. Raises OlistError."""
        stored = opened_to_write(self.path) if change is not None else None
        frame = conformed(write.frame, self.contract)
        is_new = stored is None or bool(change and change.breaking)
        order = (self.contract.day, *self.contract.key) if self.contract.day else ()
        options: dict[str, Any] = {"predicate": write.predicate(literal)}
        with readable_errors(self.contract), self.computed(frame, order) as rows:
            checked = Checked(self.contract, rows)
            batches = joined(checked, checked.schema)
            if is_new:
                batches, row_bytes = measured(batches)
                size = {FILE_SIZE: str(row_bytes * write_plan.ROWS_PER_FILE)}
                options = {"schema_mode": "overwrite", "configuration": size}
            elif stored and has_other_comments(stored, self.contract):
                # Not merged: deltalake refuses two comments of one column. The rows that a predicate keeps stay.
                options["schema_mode"] = "overwrite"
            elif change and change.added:
                options["schema_mode"] = "merge"
            try:
                write_delta(
                    self.path,
                    pa.RecordBatchReader.from_batches(checked.schema, batches),
                    mode="overwrite",
                    commit_properties=commit_properties(metadata),
                    **options,
                )
            except DeltaError:
                # An error raised while deltalake reads the rows reaches its caller as text only.
                if checked.violation:
                    raise checked.violation from None
                raise

    def merge(self, merge: Merge, change: SchemaChange, metadata: str) -> Changed:
        """Merge changes into the table, by deltalake's MERGE. Raises OlistError."""
        table = opened_to_write(self.path)
        if change.added:
            # A commit of its own: with `merge_schema`, deltalake 1.6 loses required values of the rows that it keeps.
            table.alter.add_columns([Field.from_arrow(arrow_field(column)) for column in change.added])
        names = self.contract.column_names
        frame = conformed(merge.frame.drop(IS_DELETE), self.contract)
        frame = merge.frame.select(*frame.columns, IS_DELETE)
        values = {f"`{name}`": f"s.`{name}`" for name in names}
        batches = [] if merge.batch is None else [Transaction(FED_BY, merge.batch)]
        with readable_errors(self.contract), self.computed(frame, ()) as rows:
            checked = Checked(self.contract, rows, pa.field(IS_DELETE, pa.bool_()))
            changes = pa.Table.from_batches(checked, checked.schema)
            done = (
                table.merge(
                    changes, merge.same_key, source_alias="s", target_alias="t",
                    commit_properties=commit_properties(metadata, *batches),
                )
                .when_matched_delete(merge.deletes)
                .when_matched_update(values, merge.updates)
                .when_not_matched_insert(values, f"NOT s.{IS_DELETE}")
                .execute()
            )  # fmt: skip
        return Changed(*(done[f"num_target_rows_{what}"] for what in ("inserted", "updated", "deleted")))


class Checked:
    """Rows in their contract's Arrow schema, with `more` fields; a null in a required column is a ContractViolation.

    It is kept.
    """

    def __init__(self, contract: Table, rows: pa.RecordBatchReader, *more: pa.Field) -> None:
        self.schema = pa.schema([*arrow_schema(contract), *more])
        self.violation: ContractViolation | None = None
        self._contract, self._rows = contract, rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._rows:
            for column in self._contract.required:
                if batch.column(column.name).null_count:
                    self.violation = null_refused(self._contract, column.name)
                    raise self.violation
            yield batch.select(self.schema.names).cast(self.schema)


def opened_to_write(path: Path) -> DeltaTable:
    """A table that deltalake may change.

    Raises OlistError for one with liquid clustering, and ForeignFiles: VACUUM would delete its deletion vectors.
    """
    table = open_delta(path)
    require_unclustered(table)
    require_plain_files(table)
    return table


def require_unclustered(table: DeltaTable) -> None:
    """Raises OlistError for a table with liquid clustering, whose metadata deltalake cannot write."""
    if CLUSTERING in (table.protocol().writer_features or ()):
        raise OlistError(
            f"{location(table).name} is clustered by Spark, and only Spark can write it: set OLIST_ENGINE=spark. "
            "Nothing was changed."
        )


def joined(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at least BATCH_ROWS."""
    waiting, rows = list[pa.RecordBatch](), 0
    for batch in batches:
        waiting.append(batch)
        rows += len(batch)
        if rows >= BATCH_ROWS:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting, rows = [], 0
    yield from pa.Table.from_batches(waiting, schema).combine_chunks().to_batches()


def measured(batches: Iterator[pa.RecordBatch]) -> tuple[Iterator[pa.RecordBatch], int]:
    """The same rows, and the bytes that one of them takes in a file, by the first ones."""
    first = next(batches, None)
    if first is None:
        return batches, ROW_BYTES
    batches = chain([first], batches)
    some = first.slice(0, write_plan.ROWS_PER_FILE)
    if len(some) < MIN_ROWS_MEASURED:
        return batches, ROW_BYTES
    stored = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([some]), stored, compression="snappy")
    return batches, ceil(stored.tell() / len(some))


@contextmanager
def readable_errors(contract: Table) -> Iterator[None]:
    """Raises OlistError of one line for a full disk."""
    try:
        yield
    except (DeltaError, PySparkException, OSError) as error:
        if DISK_FULL in str(error):
            raise disk_full(contract.name) from error
        raise
