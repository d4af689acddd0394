"""What a table promises: columns, types, keys, grain and the rules that its checks are generated from.

A contract is data: nothing here knows Dagster, an engine or settings. The IO manager, the checks, the catalogue in the
UI and the tests all read the same object.
"""

from dataclasses import dataclass, field
from typing import Literal

from olist_assets.contracts.quoting import spark_literal
from olist_assets.contracts.rules import (
    Accounting,
    ForeignKey,
    OrderReference,
    Reconciliation,
    RowCount,
    Rule,
    Trailing,
)
from olist_assets.contracts.source_files import SourceFile
from olist_assets.contracts.thresholds import Thresholds

Layer = Literal["bronze", "silver", "gold", "ml", "streaming", "monitoring"]
# The layers that are made from the source, in their order.
LAYERS: tuple[Layer, ...] = ("bronze", "silver", "gold", "ml")
# How masking treats personal data: `hash` replaces an id by a token, `cut` keeps the first digits, `remove` keeps
# nothing.
Pii = Literal["hash", "cut", "remove"]


@dataclass(frozen=True)
class Column:
    """A column; `type` is Spark SQL's name in lower case (`string`, `int`, `decimal(12,2)`, `array<string>`, ...)."""

    name: str
    type: str
    comment: str
    nullable: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    accepted: tuple[str, ...] = ()
    pii: Pii | None = None
    is_volatile: bool = False
    """Whether its value depends on when or where a run was made, so that comparisons of content leave it out."""
    made_from: tuple[str, ...] = ()
    """Of a table made from Arrow rows: the upstream columns, as `table.column`. Those of frames are derived."""

    @property
    def description(self) -> str:
        return f"{self.comment} [{self.unit}]" if self.unit else self.comment

    def ddl(self) -> str:
        """The column in CREATE TABLE and ALTER TABLE."""
        required = "" if self.nullable else " NOT NULL"
        return f"`{self.name}` {self.type.upper()}{required} COMMENT {spark_literal(self.description)}"


@dataclass(frozen=True)
class Table:
    """One Delta table: its name is the asset key, the function's name and the last part of its path."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    description: str = ""
    day: str | None = None
    """The DATE column by which a daily table is partitioned; None for a table without partitions."""
    source: SourceFile | None = None
    source_day: str | None = None
    """In the snapshot of the orders: the column of text whose days are the partitions of the daily tables."""
    orders: OrderReference | None = None
    """In a table that daily tables are joined with: how its rows refer to orders."""
    may_be_empty: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()
    row_counts: tuple[RowCount, ...] = ()
    reconciliations: tuple[Reconciliation, ...] = ()
    accounting: Accounting | None = None
    trailing: Trailing | None = None
    rules: tuple[Rule, ...] = ()
    scores: tuple[str, ...] = ()
    """Columns of probabilities whose distribution is compared with that of the version before."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    is_history: bool = False
    """Whether the asset returns new rows, which are appended once per key and never changed."""
    is_derived: bool = False
    """Whether the asset returns all rows instead, derived from other tables: they replace the stored ones."""
    is_appended: bool = False
    """Whether the asset appends to its table by itself and returns nothing."""
    numbered_by: str | None = None
    """The last column of the key, if its values follow each other without a gap."""
    batches_of: str | None = None
    """In a history of batches: the table whose rows, in the order of their offsets, the batches divide."""
    sequence: str | None = None
    """The column that orders changes of one key: of two the higher one stays, whichever is written first."""
    is_optional: bool = False
    """Whether the platform works without the table; where it does not exist, it has no rows."""
    in_layer: Layer | None = None
    """The layer where it is not the first word of the name."""
    kinds: frozenset[str] = field(default=frozenset({"pyspark", "deltalake"}))

    @property
    def layer(self) -> Layer:
        """The layer, the Dagster group and the folder in the warehouse."""
        return self.in_layer or self.name.split("_", 1)[0]  # pyright: ignore[reportReturnType]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if not column.nullable)

    @property
    def volatile(self) -> tuple[str, ...]:
        """Names of the columns whose values depend on when or where a run was made."""
        return tuple(column.name for column in self.columns if column.is_volatile)

    @property
    def changes_days(self) -> bool:
        """Whether days of the daily tables have to be made again when rows of this table change."""
        return self.source_day is not None or self.orders is not None

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def ddl(self) -> str:
        """The column list of CREATE TABLE, with NOT NULL and comments."""
        return ", ".join(column.ddl() for column in self.columns)
