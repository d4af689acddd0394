"""What a write of some days changes: their own rows, rows that moved into them, and days whose figures trail them."""

from dataclasses import dataclass
from datetime import date, timedelta

from deltalake import DeltaTable
from pyspark.sql import DataFrame

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.contracts.table import Table

# A rerun rewrites the files that hold its days: sorted and no larger than this, they hold few others. A daily table
# that fits into one is written whole: the file holds the day anyway, and Delta need not look for rows to replace.
ROWS_PER_FILE = 100_000


@dataclass(frozen=True)
class Span:
    """Days of a daily table, half open."""

    column: str
    start: date
    end: date

    @property
    def predicate(self) -> str:
        return f"{self.column} >= DATE'{self.start}' AND {self.column} < DATE'{self.end}'"

    def covers(self, bounds: tuple[date, date] | None) -> bool:
        """Whether first and last day lie in the span; true where there are none."""
        return bounds is None or (self.start <= bounds[0] and bounds[1] < self.end)


@dataclass(frozen=True)
class Write:
    """Rows, and the predicate of those that they replace; None: all of them."""

    frame: DataFrame
    replaces: str | None = None


@dataclass(frozen=True)
class Stored:
    """A table as it stands: its log, and its rows as a frame."""

    delta: DeltaTable
    rows: DataFrame


def planned(frame: DataFrame, contract: Table, span: Span | None, stored: Stored | None) -> Write:
    """The write of an asset's frame for a span of days; without a span, of a table without days."""
    if span is None:
        return Write(frame)
    own = frame.where(span.predicate)
    trailing = contract.trailing
    if stored is None or span.covers(lakehouse.day_bounds(stored.delta, span.column)):
        return Write(trailing.complete(own) if trailing else own)
    others = stored.rows.where(f"NOT ({span.predicate})")
    if trailing:
        # All days that there are, completed together.
        known = others.drop(*trailing.columns)
        return Write(trailing.complete(own.unionByName(known, allowMissingColumns=True)))
    if lakehouse.statistics(stored.delta)["rows"] <= ROWS_PER_FILE:
        # A row whose key is written now has moved here from another day.
        stay = others.join(_keys(own, contract), on=list(contract.key), how="left_anti")
        return Write(own.unionByName(stay, allowMissingColumns=True))
    moved = moved_rows(stored.delta, contract, span, own)
    if not moved:
        return Write(own, span.predicate)
    keys = ", ".join("(" + ", ".join(map(_literal, row[:-1])) + ")" for row in moved)
    return Write(own, f"({span.predicate}) OR ({', '.join(contract.key)}) IN ({keys})")


def moved_rows(before: DeltaTable, contract: Table, span: Span, own: DataFrame) -> list[tuple]:
    """Key and day of the rows outside the span whose keys are among those written to it."""
    columns = ", ".join(contract.key)
    with lakehouse.connection({contract.name: before}) as con:
        con.register("written", _keys(own, contract).toArrow())
        return con.execute(
            f"SELECT {columns}, {span.column} FROM {contract.name} SEMI JOIN written USING ({columns}) "
            f"WHERE NOT ({span.predicate})"
        ).fetchall()


def other_days_changed(before: DeltaTable | None, after: DeltaTable, contract: Table, span: Span) -> tuple[date, ...]:
    """Days outside the span that a write of it changed: rows moved away from them, or their figures trail it."""
    if before is None:
        return ()
    with lakehouse.connection({"before": before, "after": after}) as con:
        if contract.trailing:
            end = span.end + timedelta(contract.trailing.days)
            changed = f"SELECT {span.column} FROM after WHERE {Span(span.column, span.end, end).predicate}"
        else:
            columns = ", ".join(contract.key)
            changed = (
                f"SELECT DISTINCT {span.column} FROM (FROM before WHERE NOT ({span.predicate})) "
                f"SEMI JOIN (FROM after WHERE {span.predicate}) new USING ({columns})"
            )
        return tuple(day for (day,) in con.execute(f"{changed} ORDER BY 1").fetchall())


def _keys(own: DataFrame, contract: Table) -> DataFrame:
    """The keys of the rows; being distinct, they need none of the joins that only add columns."""
    return own.select(*contract.key).distinct()


def _literal(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
