"""What a write of some days changes: their rows, rows that moved into them, and trailing columns of later days."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil

from deltalake import DeltaTable
from pyspark.sql import DataFrame

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.statistics import day_bounds, statistics
from olist_assets.lakehouse.warehouse import Warehouse

# A rerun rewrites the files that contain its days: sorted and limited to this size, they contain few other days. A
# daily table of at most this size is written as a whole: its one file contains the day anyway, and Delta is spared the
# search for it.
ROWS_PER_FILE = 100_000
# More rows than this are written by several tasks of Spark: one alone takes half a minute for a million.
ROWS_PER_RANGE = 1_000_000


@dataclass(frozen=True)
class Span:
    """Days of a daily table, from `start` to before `end`."""

    column: str
    start: date
    end: date

    @property
    def predicate(self) -> str:
        return f"{self.column} >= DATE'{self.start}' AND {self.column} < DATE'{self.end}'"

    def covers(self, bounds: tuple[date, date] | None) -> bool:
        """Whether the first and last day are within the span; true if there are no days."""
        return bounds is None or (self.start <= bounds[0] and bounds[1] < self.end)


@dataclass(frozen=True)
class Write:
    """Rows, and the predicate of the stored rows that they replace; None replaces all."""

    frame: DataFrame
    replaces: str | None = None
    ranges: tuple[date, ...] = ()
    """Of a large write of a daily table: the first days of about equally long spans, which may be written at once."""
    moved: tuple[Mapping[str, str], ...] = ()
    """Keys of further stored rows that are replaced, by column."""

    def predicate(self, literal: Callable[[str], str]) -> str | None:
        """`replaces` and the moved rows, with texts written as the engine's SQL wants them."""
        # Not `(a, b) IN (...)`: deltalake does not understand tuples.
        keys = (" AND ".join(f"{name} = {literal(value)}" for name, value in key.items()) for key in self.moved)
        return " OR ".join(f"({part})" for part in (self.replaces, *keys)) if self.moved else self.replaces


@dataclass(frozen=True)
class Stored:
    """A table before a write: its log, and how its rows are read as a frame, should the plan need them."""

    delta: DeltaTable
    read: Callable[[], DataFrame]


@dataclass(frozen=True)
class Planner:
    """Plans the writes of a run, whose daily tables have the days of `calendar`."""

    warehouse: Warehouse
    calendar: Calendar

    def plan(self, frame: DataFrame, contract: Table, span: Span | None, stored: Stored | None) -> Write:
        """The write of an asset's frame for a span of days; without a span, of a table without days."""
        if span is None:
            return Write(frame)
        return replace(self._plan(frame, contract, span, stored), ranges=self._ranges(span, stored))

    def _ranges(self, span: Span, stored: Stored | None) -> tuple[date, ...]:
        """The span divided by the rows that it will have: its share of those of the table, or at first of the orders.

        A daily table has at most one row per order.
        """
        orders = self.warehouse.catalog.orders.name
        tables = [stored.delta] if stored else self.warehouse.existing_tables([orders]).values()
        rows, days = sum(statistics(table).rows for table in tables), (span.end - span.start).days
        known = (self.calendar.last - self.calendar.first).days + 1
        count = ceil(rows * min(days / known, 1) / ROWS_PER_RANGE)
        return tuple(span.start + timedelta(days * at // count) for at in range(count)) if count > 1 else ()

    def _plan(self, frame: DataFrame, contract: Table, span: Span, stored: Stored | None) -> Write:
        own = frame.where(span.predicate)
        if stored is None or span.covers(day_bounds(stored.delta, span.column)):
            return Write(self._completed(own, contract))
        other_days = f"NOT ({span.predicate})"
        if contract.trailing:
            # All days of the table are completed together.
            known = stored.read().where(other_days).drop(*contract.trailing.columns)
            return Write(self._completed(own.unionByName(known, allowMissingColumns=True), contract))
        if statistics(stored.delta).rows <= ROWS_PER_FILE:
            # A row whose key is written now has moved here from another day.
            remaining = (
                stored.read().where(other_days).join(_keys(own, contract), on=list(contract.key), how="left_anti")
            )
            return Write(own.unionByName(remaining, allowMissingColumns=True))
        moved = self._moved_keys(stored.delta, contract, span, own)
        keys = tuple(dict(zip(contract.key, map(str, key), strict=True)) for key in moved)
        return Write(own, span.predicate, moved=keys)

    def other_days_changed(
        self, before: DeltaTable | None, after: DeltaTable, contract: Table, span: Span
    ) -> tuple[date, ...]:
        """Days outside the span that the write changed: a row moved away, or their trailing columns changed."""
        if before is None:
            return ()
        if contract.trailing:
            end = span.end + timedelta(contract.trailing.days)
            changed = f"SELECT {span.column} FROM after WHERE {Span(span.column, span.end, end).predicate}"
        else:
            changed = (
                f"SELECT DISTINCT {span.column} FROM (FROM before WHERE NOT ({span.predicate})) "
                f"SEMI JOIN (FROM after WHERE {span.predicate}) new USING ({', '.join(contract.key)})"
            )
        with self.warehouse.sql({"before": before, "after": after}) as con:
            return tuple(day for (day,) in con.execute(f"{changed} ORDER BY 1").fetchall())

    def _completed(self, rows: DataFrame, contract: Table) -> DataFrame:
        return contract.trailing.complete(rows, self.calendar) if contract.trailing else rows

    def _moved_keys(self, before: DeltaTable, contract: Table, span: Span, own: DataFrame) -> list[tuple]:
        """Keys of the rows outside the span that are written to it now."""
        columns = ", ".join(contract.key)
        with self.warehouse.sql({contract.name: before}) as con:
            con.register("written", _keys(own, contract).toArrow())
            return con.execute(
                f"SELECT {columns} FROM {contract.name} SEMI JOIN written USING ({columns}) "
                f"WHERE NOT ({span.predicate})"
            ).fetchall()


def _keys(own: DataFrame, contract: Table) -> DataFrame:
    """The keys of the rows. Being distinct, they need none of the joins that only add columns."""
    return own.select(*contract.key).distinct()
