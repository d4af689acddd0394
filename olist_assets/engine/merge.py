"""Changes of single rows as one Delta commit: what both engines merge, and what they report."""

from dataclasses import dataclass

from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.table import Table
from olist_assets.lakehouse.feeds import is_fed

IS_DELETE = "is_delete"


@dataclass(frozen=True)
class Merge:
    """At most one change per key; it applies where its sequence number is higher than that of the stored row.

    `frame` has the columns of the table and IS_DELETE. A stored row without a sequence number is older than any change.
    A change whose key is not stored is inserted, unless it is a deletion. A deletion applies to an equal number too.
    """

    frame: DataFrame
    key: tuple[str, ...]
    sequence: str
    batch: int | None = None
    """Number of the batch of order events, which the commit keeps as a version of the application FED_BY."""

    @property
    def same_key(self) -> str:
        """SQL: whether row `s` of the changes and the stored row `t` have the same key, which is never null."""
        return " AND ".join(f"t.`{name}` = s.`{name}`" for name in self.key)

    @property
    def deletes(self) -> str:
        """SQL: whether the change `s` deletes the stored row `t`."""
        return f"(s.{IS_DELETE} AND {self._applies('>=')})"

    @property
    def updates(self) -> str:
        """SQL: whether the change `s` replaces the stored row `t`."""
        return f"(NOT s.{IS_DELETE} AND {self._applies('>')})"

    def _applies(self, comparison: str) -> str:
        return f"(t.`{self.sequence}` IS NULL OR s.`{self.sequence}` {comparison} t.`{self.sequence}`)"


@dataclass(frozen=True)
class Changed:
    """Numbers of rows that a merge inserted, updated and deleted."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted


def is_merged(contract: Table, stored: DeltaTable | None) -> bool:
    """Whether changes are merged into a table: one of the stream, or a snapshot that events have changed."""
    if contract.source is None:
        return contract.sequence is not None
    return stored is not None and is_fed(stored)


def merge_of(contract: Table, frame: DataFrame, batch: int | None = None) -> Merge:
    """The merge of a frame into a table that has a sequence number; without IS_DELETE, nothing is deleted."""
    assert contract.sequence is not None, f"{contract.name} has no sequence number"
    # A record without a key stands for itself.
    key = contract.key or (contract.source.key if contract.source else ()) or (contract.sequence,)
    changes = frame if IS_DELETE in frame.columns else frame.withColumn(IS_DELETE, F.lit(False))
    return Merge(changes, key, contract.sequence, batch)
