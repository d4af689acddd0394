"""What a table promises: columns, types, keys, grain and the rules its checks are made from.

Nothing here knows Dagster's runtime or a Spark session: a contract is data. The IO manager, the checks, the catalogue
in the UI and the tests all read the same object.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from olist_assets.contracts.column_lineage import catalogue_metadata
from olist_assets.contracts.source_files import SourceFile
from olist_assets.contracts.thresholds import Usual

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OWNERS = ["team:analytics-engineering"]
Layer = Literal["bronze", "silver", "gold", "ml", "monitoring"]
# What masking makes of personal data: the same secret token for the same id, its first digits, or nothing.
Pii = Literal["hash", "cut", "remove"]


@dataclass(frozen=True)
class Column:
    """A column: `type` is Spark SQL's name in lower case (`string`, `int`, `decimal(12,2)`, `array<string>`, ...)."""

    name: str
    type: str
    comment: str
    nullable: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    accepted: tuple[str, ...] = ()
    pii: Pii | None = None

    @property
    def description(self) -> str:
        return f"{self.comment} [{self.unit}]" if self.unit else self.comment

    def ddl(self) -> str:
        """The column in CREATE TABLE and ALTER TABLE."""
        required = "" if self.nullable else " NOT NULL"
        return f"`{self.name}` {self.type.upper()}{required} COMMENT '{_quoted(self.description)}'"


@dataclass(frozen=True)
class ForeignKey:
    """Each non-null value of `column` stands in `to_column` of `to_table`."""

    column: str
    to_table: str
    to_column: str
    blocking: bool = True


@dataclass(frozen=True)
class RowCount:
    """The table has exactly as many rows as `sql` (a scalar query over tables by bare name) says."""

    name: str
    sql: str
    description: str
    blocking: bool = True


@dataclass(frozen=True)
class Reconciliation:
    """Two scalar queries whose results agree to within `tolerance` (BRL)."""

    name: str
    left: str
    right: str
    description: str
    tolerance: float = 0.0


@dataclass(frozen=True)
class Rule:
    """`offending` (a scalar query over tables by bare name) counts no row."""

    name: str
    offending: str
    description: str
    blocking: bool = False


@dataclass(frozen=True)
class Accounting:
    """Nothing is lost: source rows = rows kept + rows filtered by a stated rule + rejected rows.

    `kept` and `filtered` are scalar queries counting source rows; rejects are those of `source` in `silver_rejects`.
    """

    source: str
    kept: str
    filtered: str = "SELECT 0"


@dataclass(frozen=True)
class Trailing:
    """Columns of a daily table that `complete` adds from the rows of up to `days` days before.

    The asset returns the other columns. Whatever days are written, the IO manager completes all the rows that there are
    then, so that days after those written never keep a figure that is no longer true.
    """

    days: int
    columns: tuple[str, ...]
    complete: Callable[["DataFrame"], "DataFrame"]


@dataclass(frozen=True)
class Table:
    """One Delta table: its name is the asset key, the function's name and the last part of its path."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    description: str = ""
    cluster_by: str | None = None
    source: SourceFile | None = None
    may_be_empty: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()
    row_counts: tuple[RowCount, ...] = ()
    reconciliations: tuple[Reconciliation, ...] = ()
    accounting: Accounting | None = None
    trailing: Trailing | None = None
    rules: tuple[Rule, ...] = ()
    scores: tuple[str, ...] = ()
    """Columns of probabilities, whose distribution should stay what it was in the version before."""
    usual: Usual = field(default_factory=Usual)
    in_layer: Layer | None = None
    """Where it is not the first word of the name."""
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

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def ddl(self) -> str:
        """The column list of CREATE TABLE, with NOT NULL and comments."""
        return ", ".join(column.ddl() for column in self.columns)

    def asset_args(self) -> Mapping[str, Any]:
        """Arguments of `@dg.asset`: everything the Dagster catalogue shows of the contract."""
        return {
            "key": self.name,
            "group_name": self.layer,
            "kinds": set(self.kinds),
            "owners": OWNERS,
            # Runs that write the same table wait for each other: see dagster.yaml.
            "pool": self.name,
            "description": f"{self.description}\n\n**Grain:** {self.grain}".strip(),
            "metadata": {
                "grain": self.grain,
                "key": ", ".join(self.key) or "none",
                "dagster/column_schema": dg.TableSchema(columns=[_table_column(c) for c in self.columns]),
                **catalogue_metadata(self.name),
            },
        }


@dataclass(frozen=True)
class Model:
    """A trained model: its name is the asset key, the registered model and the MLflow experiment."""

    name: str
    description: str
    figure: str
    """The figure on held-out data, greater is better, by which a new version becomes champion."""
    score: str | None = None
    """The column that its probability is given as, here and by `olist predict`."""
    suspect: str | None = None
    """The feature that may give the label away: the model is trained without it too, and both are compared."""

    def asset_args(self) -> Mapping[str, Any]:
        """Arguments of `@dg.asset`."""
        return {
            "key": self.name,
            "group_name": "ml",
            "kinds": {"pyspark", "mlflow"},
            "owners": OWNERS,
            "pool": self.name,
            # A training is the longest of steps that wait at the same time, and tables wait for it: it goes first.
            "op_tags": {"dagster/priority": "1"},
            "description": self.description,
            "io_manager_key": "models",
        }


def _quoted(text: str) -> str:
    return text.replace("'", "\\'")


def _table_column(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=column.description,
        constraints=dg.TableColumnConstraints(nullable=column.nullable),
        tags={"pii": column.pii} if column.pii else {},
    )
