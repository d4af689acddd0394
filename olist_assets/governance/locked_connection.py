"""A connection for a role's query: tables in memory, without files, network, extensions, Python and settings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.lakehouse.connection import connection

# Without it wide integers would be returned by a query as decimals.
LOSSLESS = "SET arrow_lossless_conversion = true"
SHUT_OFF = (
    LOSSLESS,
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
)
Schemas = Mapping[str, pa.Schema]
Params = Mapping[str, Any] | None


@dataclass(frozen=True)
class Limits:
    """What a query may use: bytes of memory, seconds, and bytes of its result."""

    memory: int
    seconds: float
    result: int

    def opened(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection that may use this memory and no files."""
        return connection(self.memory, spill=None)

    def shut_off(self, con: duckdb.DuckDBPyConnection) -> None:
        """Let a connection do no more than answer queries about its tables, from now on."""
        con.execute(f"SET max_execution_time = {int(self.seconds * 1000)}")
        for setting in SHUT_OFF:
            con.execute(setting)
        con.execute("SET lock_configuration = true")


def create_tables(con: duckdb.DuckDBPyConnection, schemas: Schemas) -> None:
    """Create empty tables."""
    for name, schema in schemas.items():
        con.register("given", schema.empty_table())
        con.execute(f"CREATE TABLE {identifier(name)} AS FROM given")
        con.unregister("given")


def fill(con: duckdb.DuckDBPyConnection, name: str, rows: pa.RecordBatchReader) -> None:
    """Insert rows into a table; columns that they lack are null."""
    con.register("given", rows)
    con.execute(f"INSERT INTO {identifier(name)} BY NAME FROM given")
    con.unregister("given")


def needed_columns(
    limits: Limits, schemas: Schemas, named: Sequence[str], query: str, params: Params = None
) -> dict[str, list[str]]:
    """The columns that a query reads, by table, from its plan over empty tables; `named` are those in its text.

    Only a single SELECT is analysed: other statements, and a PIVOT, which consists of several, depend on the rows and
    need all columns. Raises duckdb.Error for a query that cannot be planned.
    """
    with limits.opened() as con:
        create_tables(con, schemas)
        plan = _plan(con, limits, query, params)
    if plan is None:
        return {name: schema.names for name, schema in schemas.items()}
    scanned = _scanned_columns(plan)
    # A table that is named and not scanned may be read in a way that the plan does not show.
    return {
        name: _columns_to_fill(schema, scanned.get(name)) if name in scanned or name not in named else schema.names
        for name, schema in schemas.items()
    }


def _plan(con: duckdb.DuckDBPyConnection, limits: Limits, query: str, params: Params) -> list[dict[str, Any]] | None:
    """The physical plan of a single SELECT; None for anything else."""
    # The other optimizers would remove columns, or whole tables without rows, from the plan.
    optimizers = {name for (name,) in con.sql("SELECT name FROM duckdb_optimizers()").fetchall()}
    con.execute(f"SET disabled_optimizers = {literal(','.join(optimizers - {'unused_columns'}))}")
    con.execute("SET explain_output = 'physical_only'")
    limits.shut_off(con)
    try:
        if [statement.type for statement in con.extract_statements(query)] != [duckdb.StatementType.SELECT]:
            return None
        ((_, plan),) = con.execute(f"EXPLAIN (FORMAT json) {query}", params).fetchall()
    except duckdb.Error:
        # Run without EXPLAIN, so that the message shows the query as it was asked.
        con.sql(query, params=params)
        return None
    return json.loads(plan)


def _scanned_columns(plan: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The columns that the scans of a plan read, by table."""
    found: dict[str, set[str]] = {}
    for node in _nodes(plan):
        details = node.get("extra_info", {})
        if table := details.get("Table"):
            columns = details.get("Projections") or []
            found.setdefault(table.rsplit(".", 1)[-1], set()).update([columns] if isinstance(columns, str) else columns)
    return found


def _columns_to_fill(schema: pa.Schema, scanned: set[str] | None) -> list[str]:
    """None of a table without a scan; a query that only counts rows needs one column, and the last one is no id."""
    if scanned is None:
        return []
    return [name for name in schema.names if name in scanned] or schema.names[-1:]


def _nodes(plan: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in plan:
        yield node
        yield from _nodes(node.get("children", []))
