"""What a table must satisfy besides its columns: foreign keys, row counts, reconciliations, rules, accounting.

Queries are DuckDB SQL over tables by bare name; `{first_day}` in them is the first day of the daily tables, filled in
when a check runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from olist_assets.contracts.calendar import Calendar

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ForeignKey:
    """Each non-null value of `column` exists in `to_column` of `to_table`."""

    column: str
    to_table: str
    to_column: str
    blocking: bool = True


@dataclass(frozen=True)
class RowCount:
    """The table has exactly as many rows as `sql`, a scalar query, returns."""

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
    """`offending`, a scalar query, counts no row; `{table}` in it is the table itself."""

    name: str
    offending: str
    description: str
    blocking: bool = False


def ranks_are_dense(column: str, subject: str) -> Rule:
    """The rule that the column `rank` counts from 1 without a gap for each value of another column."""
    return Rule(
        "ranks_are_dense",
        f"SELECT count(*) FROM (SELECT {column} FROM {{table}} GROUP BY {column} "
        "HAVING min(rank) <> 1 OR max(rank) <> count(*))",
        f"The ranks of each {subject} are 1, 2, 3 and so on.",
        blocking=True,
    )


@dataclass(frozen=True)
class Accounting:
    """No row is lost: source rows = rows kept + rows filtered by a stated rule + rejected rows.

    `kept` and `filtered` are scalar queries that count source rows; rejects are those of `source` in `silver_rejects`.
    """

    source: str
    kept: str
    filtered: str = "SELECT 0"


@dataclass(frozen=True)
class OrderReference:
    """How the rows of a table that daily tables read refer to orders: `expression` equals `column` of `bronze_orders`.

    With it a changed row leads to the day of its order, which then has to be made again.
    """

    column: str
    expression: str


@dataclass(frozen=True)
class Trailing:
    """Columns of a daily table that `complete` computes from the rows of up to `days` days before.

    The asset returns the other columns. Whatever days are written, the IO manager completes all rows of the table, so
    that days after those written never keep a value that is out of date.
    """

    days: int
    columns: tuple[str, ...]
    complete: Callable[["DataFrame", Calendar], "DataFrame"]
