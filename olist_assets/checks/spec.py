"""A check: a predicate on a table with its metrics, and what it may look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
from deltalake import DeltaTable

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.past_versions import PastVersion, past_versions
from olist_assets.lakehouse.statistics import TableStatistics
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.redaction import without_values

Verdict = tuple[bool, dict[str, Any]]
"""Whether a check holds, and its metrics."""


@dataclass(frozen=True)
class CheckContext:
    """What a check of a table may look at: the log's statistics, and SQL over the tables that the check reads."""

    warehouse: Warehouse
    calendar: Calendar
    table: Table
    statistics: TableStatistics
    delta: DeltaTable
    sql: duckdb.DuckDBPyConnection

    def rows(self, query: str, params: Mapping[str, Any] | None = None) -> list[tuple]:
        """All rows of a query; `{table}` in it is this table, `{first_day}` the first day of the daily tables."""
        text = query.replace("{table}", self.table.name).replace("{first_day}", str(self.calendar.first))
        try:
            return self.sql.execute(text, params).fetchall()
        except duckdb.Error as error:
            # Without its cause: the text of a failed cast has the value, and Dagster keeps it.
            raise OlistError(f"A query of {self.table.name}'s checks fails: {without_values(str(error))}") from None

    def scalar(self, query: str) -> Any:
        """The only value of a query."""
        return self.rows(query)[0][0]

    @cached_property
    def history(self) -> list[PastVersion]:
        """The table's last versions before this one, oldest first."""
        return past_versions(location(self.delta), self.delta.version())


@dataclass(frozen=True)
class Check:
    """One property, named as a predicate; `evaluate` returns whether it holds, and its metrics."""

    name: str
    description: str
    evaluate: Callable[[CheckContext], Verdict]
    blocking: bool = True
    reads: tuple[str, ...] = field(default=())
