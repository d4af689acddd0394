"""Queries as a role: DuckDB with only what the role may see, and each query in the audit log.

A query is treated as hostile, so it never reaches the files. One connection reads and masks them; its results are
copied into tables of a second connection, which is then cut off from files, network, Python and its own settings.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log, masking
from olist_assets.governance.roles import Denied, Role, in_force
from olist_assets.lakehouse import sql
from olist_assets.lakehouse.sql import print_rows, query_rows, tables_named
from olist_assets.lakehouse.warehouse import Opener, Warehouse
from olist_assets.settings import Settings

# Without it wide integers would be returned by a query as decimals.
LOSSLESS = "SET arrow_lossless_conversion = true"
SHUT_OFF = (
    LOSSLESS,
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@contextmanager
def connection(
    warehouse: Warehouse, tables: Mapping[str, DeltaTable], role: Role | None, query: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `Warehouse.sql`, limited to what a role may see; without a role exactly that.

    With a query, only the columns that it needs are filled; the others exist and are null. Raises Denied for tables
    that the role may not see, and OlistError where its masking has no secret.
    """
    if role is None:
        with warehouse.sql(tables) as con:
            con.execute(LOSSLESS)
            yield con
        return
    role.require(warehouse.catalog, tables)
    with sql.session(warehouse.settings) as con:
        with warehouse.sql(tables) as raw:
            visible = {name: visible_rows(warehouse, raw, name, role) for name in tables}
            empty = {name: relation.limit(0).to_arrow_table() for name, relation in visible.items()}
            needed = _needed_columns(warehouse.settings, empty, query) if query else {}
            _create(con, empty)
            for name, relation in visible.items():
                if columns := needed.get(name, relation.columns):
                    _fill(con, name, relation.project(", ".join(map(identifier, columns))).to_arrow_table())
        _shut_off(con)
        yield con


def visible_rows(
    warehouse: Warehouse, raw: duckdb.DuckDBPyConnection, name: str, role: Role
) -> duckdb.DuckDBPyRelation:
    """The rows and columns of a table of `raw` that a role sees, masked if the role is."""
    contract, grant = warehouse.catalog.table(name), role.grants(warehouse.catalog)[name]
    columns = grant.visible(contract)
    if role.masked and masking.needs_secret(columns):
        masking.use_secret(raw, masking.secret(warehouse.settings))
    listed = ", ".join(masking.masked(column) if role.masked else identifier(column.name) for column in columns)
    rows = f"WHERE ({grant.rows})" if grant.rows else ""
    return raw.sql(f"SELECT {listed} FROM (FROM {identifier(name)} {rows})")


def _needed_columns(settings: Settings, empty: dict[str, pa.Table], query: str) -> dict[str, list[str]]:
    """The columns that a query reads, by table, from its plan over empty tables; a table that is left out needs all.

    Only a single SELECT is analysed: other statements, and a PIVOT, which consists of several, depend on the rows.
    Raises OlistError for a query that cannot be planned.
    """
    with sql.session(settings) as con:
        _create(con, empty)
        plan = _plan(con, empty, query)
    if plan is None:
        return {}
    scanned = _scanned_columns(plan)
    named = tables_named(query, empty)
    return {
        name: _columns_to_fill(rows, scanned.get(name))
        for name, rows in empty.items()
        if name in scanned or name not in named
    }


def _plan(con: duckdb.DuckDBPyConnection, empty: dict[str, pa.Table], query: str) -> list[dict[str, Any]] | None:
    """The physical plan of a single SELECT; None for anything else."""
    # The other optimizers would remove columns, or whole tables without rows, from the plan.
    optimizers = {name for (name,) in con.sql("SELECT name FROM duckdb_optimizers()").fetchall()}
    con.execute(f"SET disabled_optimizers = {literal(','.join(optimizers - {'unused_columns'}))}")
    con.execute("SET explain_output = 'physical_only'")
    _shut_off(con)
    try:
        if [statement.type for statement in con.extract_statements(query)] != [duckdb.StatementType.SELECT]:
            return None
        ((_, plan),) = con.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    except duckdb.Error:
        # Run without EXPLAIN, so that the message shows the query as it was asked.
        query_rows(con, query, empty)
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


def _columns_to_fill(rows: pa.Table, scanned: set[str] | None) -> list[str]:
    """None of a table without a scan; a query that only counts rows needs one column, and the last one is no id."""
    if scanned is None:
        return []
    return [name for name in rows.column_names if name in scanned] or rows.column_names[-1:]


def _nodes(plan: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in plan:
        yield node
        yield from _nodes(node.get("children", []))


def _create(con: duckdb.DuckDBPyConnection, tables: dict[str, pa.Table]) -> None:
    for name, rows in tables.items():
        con.register("given", rows)
        con.execute(f"CREATE TABLE {identifier(name)} AS FROM given")
        con.unregister("given")


def _fill(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    con.register("given", rows)
    con.execute(f"INSERT INTO {identifier(name)} BY NAME FROM given")
    con.unregister("given")


def _shut_off(con: duckdb.DuckDBPyConnection) -> None:
    for setting in SHUT_OFF:
        con.execute(setting)


def answer(
    warehouse: Warehouse, query: str, opener: Opener | None = None, *, role: str | None = None
) -> pa.Table | None:
    """A query's rows as the role in force sees them; None for a statement without a result. Raises OlistError.

    Every query is in the audit log, also one that fails or is denied. A role gets no answer that cannot be logged;
    without a role, where file permissions decide, a warning is enough.
    """
    started, result, failure = time.monotonic(), None, None
    named = tables_named(query, warehouse.catalog.tables)
    try:
        result = _result(warehouse, query, named, opener, in_force(warehouse, role))
    except OlistError as error:
        failure = error
    audit_log.record_read(
        warehouse, "query", named, role=role or warehouse.settings.role, statement=query,
        rows=None if result is None else result.num_rows, seconds=time.monotonic() - started,
        error=None if failure is None else str(failure).splitlines()[0],
    )  # fmt: skip
    if failure:
        raise failure
    return result


def print_answer(
    warehouse: Warehouse, query: str, form: str, opener: Opener | None = None, *, role: str | None = None
) -> None:
    """Write a query's rows to standard output, as a `table`, `csv` or `json`. Raises OlistError."""
    rows = answer(warehouse, query, opener, role=role)
    if rows is not None:
        print_rows(warehouse.settings, rows, form)


def _result(
    warehouse: Warehouse, query: str, named: tuple[str, ...], opener: Opener | None, role: Role | None
) -> pa.Table | None:
    if role:
        role.require(warehouse.catalog, named)
    # A query such as SHOW TABLES names no table and means all.
    known = role.grants(warehouse.catalog) if role else warehouse.catalog.tables
    opened = {name: (opener or warehouse.open)(name) for name in named} or warehouse.existing_tables(known, opener)
    try:
        with connection(warehouse, opened, role, query) as con:
            return query_rows(con, query, known)
    except OlistError as error:
        if role and (hidden := tables_named(query, _hidden_columns(warehouse, named, role))):
            raise Denied(f"{error}\nRole {role.name} does not see the column {', '.join(hidden)}.") from error
        raise


def _hidden_columns(warehouse: Warehouse, named: tuple[str, ...], role: Role) -> set[str]:
    """Columns of the tables that the role does not see."""
    grants = role.grants(warehouse.catalog)
    contracts = [warehouse.catalog.table(name) for name in named]
    return {c.name for table in contracts for c in table.columns if c not in grants[table.name].visible(table)}
