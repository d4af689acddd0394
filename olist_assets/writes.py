"""What a write of some days changes: their own rows, rows that moved into them, and days whose figures trail them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets import lakehouse
from olist_assets.contracts import Table, Trailing


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
    """Rows, what they replace (None: everything), and the days outside the run's that they change, by why."""

    frame: DataFrame
    replaces: str | None = None
    refreshed: tuple[date, ...] = ()
    moved_from: tuple[date, ...] = ()

    @property
    def other_days(self) -> tuple[date, ...]:
        return (*self.refreshed, *self.moved_from)


@contextmanager
def planned(
    frame: DataFrame, contract: Table, span: Span | None, stored: DeltaTable | None, stored_rows: DataFrame | None
) -> Iterator[Write]:
    """The write of an asset's frame for a span of days; None for a table without days."""
    if span is None:
        yield Write(frame)
        return
    own = frame.where(span.predicate)
    if contract.trailing:
        yield _with_later_days(own, contract.trailing, span, stored, stored_rows)
    elif stored is None or span.column in contract.key or span.covers(lakehouse.day_bounds(stored, span.column)):
        yield Write(own, span.predicate)
    else:
        # Twice used: its keys are looked for among the other days before it is written.
        own = own.persist()
        yield _without_moved_rows(own, contract, span, stored)
        own.unpersist()


def _with_later_days(
    own: DataFrame, trailing: Trailing, span: Span, stored: DeltaTable | None, stored_rows: DataFrame | None
) -> Write:
    """The span's rows and the made days after it that look back at them, all with their trailing figures."""
    if stored is None or stored_rows is None:
        return Write(trailing.complete(own), span.predicate)
    reach = Span(span.column, span.start, span.end + timedelta(trailing.days))
    later = tuple(day for day in _days(stored, span.column) if span.end <= day < reach.end)
    others = stored_rows.where(f"NOT ({span.predicate})").drop(*trailing.columns)
    completed = trailing.complete(own.unionByName(others))
    if not later:
        return Write(completed.where(span.predicate), span.predicate)
    kept = F.expr(span.predicate) | F.col(span.column).isin(list(later))
    return Write(completed.where(kept), reach.predicate, refreshed=later)


def _without_moved_rows(own: DataFrame, contract: Table, span: Span, stored: DeltaTable) -> Write:
    """The span's rows; where one of their keys still stands on another day, that row goes in the same commit."""
    columns = ", ".join(contract.key)
    with lakehouse.connection({contract.name: stored}) as con:
        con.register("written", own.select(*contract.key).toArrow())
        moved = con.execute(
            f"SELECT {columns}, {span.column} FROM {contract.name} SEMI JOIN written USING ({columns}) "
            f"WHERE NOT ({span.predicate})"
        ).fetchall()
    if not moved:
        return Write(own, span.predicate)
    keys = ", ".join("(" + ", ".join(_literal(value) for value in row[:-1]) + ")" for row in moved)
    left = tuple(sorted({row[-1] for row in moved}))
    return Write(own, f"({span.predicate}) OR ({columns}) IN ({keys})", moved_from=left)


def _literal(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _days(table: DeltaTable, column: str) -> Iterable[date]:
    with lakehouse.connection({"stored": table}) as con:
        return [day for (day,) in con.execute(f"SELECT DISTINCT {column} FROM stored ORDER BY 1").fetchall()]
