"""What a check is: a predicate on a table with its figures, and what it may look at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
from deltalake import DeltaTable

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.past_versions import Past, earlier
from olist_assets.settings import Settings


@dataclass(frozen=True)
class Evaluation:
    """What a check may look at: the table's Delta log statistics and SQL over the tables it named."""

    settings: Settings
    table: Table
    statistics: dict[str, Any]
    delta: DeltaTable
    sql: duckdb.DuckDBPyConnection

    def scalar(self, query: str) -> Any:
        row = self.sql.execute(query).fetchone()
        return row[0] if row else None

    @cached_property
    def history(self) -> list[Past]:
        """The table's last versions before this one, the oldest first."""
        return earlier(lakehouse.location(self.delta), self.delta.version())


@dataclass(frozen=True)
class Check:
    """One property with a predicate as its name; `evaluate` gives whether it holds, and the figures."""

    name: str
    description: str
    evaluate: Callable[[Evaluation], tuple[bool, dict[str, Any]]]
    blocking: bool = True
    reads: tuple[str, ...] = field(default=())
