"""Queries as a role: DuckDB with only what the role may see, and each query in the audit log.

A query is treated as hostile, so it never reaches the files. One connection reads and masks them; its results are
copied into tables of a second connection, which is then cut off from files, network, Python and its own settings. Text
from outside is executed in a process of its own, with limits; only the dashboard's own queries are not.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.contracts.quoting import identifier
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log, masking
from olist_assets.governance.audit_text import Described, described
from olist_assets.governance.locked_connection import LOSSLESS, Limits, create_tables, fill, needed_columns
from olist_assets.governance.query_process import QueryFailed, ask
from olist_assets.governance.roles import Denied, Role, in_force
from olist_assets.lakehouse.sql import print_rows, query_rows, tables_named
from olist_assets.lakehouse.warehouse import Opener, Warehouse
from olist_assets.settings import Settings

UNKNOWN_ROLE = "unknown role"


@contextmanager
def connection(
    warehouse: Warehouse,
    tables: Mapping[str, DeltaTable],
    role: Role | None,
    query: str,
    params: Mapping[str, Any] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `Warehouse.sql`, limited to what a role may see; without a role exactly that. For queries of our own.

    Only the columns that the query needs with these parameters are filled; the others exist and are null. Raises Denied
    for tables that the role may not see, and OlistError where its masking has no secret.
    """
    if role is None:
        with warehouse.sql(tables) as con:
            con.execute(LOSSLESS)
            yield con
        return
    role.require(warehouse.catalog, tables)
    limits = limits_of(warehouse.settings)
    with limits.opened() as con:
        with warehouse.sql(tables) as raw:
            with hidden_values(role):
                visible = {name: visible_rows(warehouse, raw, name, role) for name in tables}
                schemas = {name: relation.limit(0).to_arrow_table().schema for name, relation in visible.items()}
            create_tables(con, schemas)
            needed = needed_columns(limits, schemas, tables_named(query, tables), query, params)
            with hidden_values(role):
                for name, columns in needed.items():
                    if columns:
                        fill(con, name, visible[name].project(", ".join(map(identifier, columns))).to_arrow_reader())
        limits.shut_off(con)
        yield con


def limits_of(settings: Settings) -> Limits:
    """What a role's query may use."""
    return Limits(settings.duckdb_memory, settings.query_seconds, settings.result_size)


@contextmanager
def hidden_values(role: Role) -> Iterator[None]:
    """Replace an error of reading what a role sees, whose text may quote a value that the role does not see."""
    try:
        yield
    # Arrow repeats an error that comes after the first rows as an OSError.
    except (duckdb.Error, OSError) as error:
        raise OlistError(
            f"The rows that role {role.name} sees cannot be read ({type(error).__name__}). The message may quote what "
            "it does not see: for the reason, query these tables without a role, with the condition of `rows` in "
            "governance.yaml."
        ) from None


def visible_rows(
    warehouse: Warehouse, raw: duckdb.DuckDBPyConnection, name: str, role: Role
) -> duckdb.DuckDBPyRelation:
    """The rows and columns of a table of `raw` that a role sees, masked if the role is."""
    contract, grant = warehouse.catalog.table(name), role.grants(warehouse.catalog)[name]
    # An earlier version, or a table that was not made again since, has not all columns of the contract.
    stored = raw.sql(f"FROM {identifier(name)}").columns
    columns = tuple(column for column in grant.visible(contract) if column.name in stored)
    if role.masked and masking.needs_secret(columns):
        masking.use_secret(raw, masking.secret(warehouse.settings))
    shown = {column.name: masking.masked(column) if role.masked else identifier(column.name) for column in columns}
    if role.masked and contract.source:
        plain = masking.has_its_format(contract.source)
        of_file = contract.source.columns
        shown |= {name: f"CASE WHEN {plain} THEN {shown[name]} END" for name in shown if name in of_file}
    listed = ", ".join(f"{expression} AS {identifier(column)}" for column, expression in shown.items())
    rows = f"WHERE ({grant.rows})" if grant.rows else ""
    return raw.sql(f"SELECT {listed} FROM (FROM {identifier(name)} {rows})")


def answer(
    warehouse: Warehouse, query: str, opener: Opener | None = None, *, role: str | None = None
) -> pa.Table | None:
    """A query's rows as the role in force sees them; None for a statement without a result. Raises OlistError.

    Every query is in the audit log, also one that fails, is denied or never ends. A role gets no answer that cannot be
    logged; without a role, where file permissions decide, a warning is enough.
    """
    asked = described(warehouse, query)
    with logged(warehouse, "query", asked, role) as (found, reading):
        named = tables_named(query, warehouse.catalog.tables)
        result = _result(warehouse, query, named, opener, found)
        reading.rows = None if result is None else result.num_rows
    return result


def rows_of(warehouse: Warehouse, query: str, role: str | None = None) -> pa.Table:
    """The rows of a SELECT as the role in force sees them. Raises OlistError."""
    found = answer(warehouse, query, role=role)
    assert found is not None, "a SELECT has a result"
    return found


@contextmanager
def logged(
    warehouse: Warehouse, action: str, asked: Described, role: str | None
) -> Iterator[tuple[Role | None, audit_log.Reading]]:
    """The role in force, for a query that is in the audit log before it runs and with its outcome afterwards.

    Raises OlistError for a role that does not exist: its name, which may be any text, is not logged.
    """
    unknown = None
    try:
        found = in_force(warehouse, role)
        name = found and found.name
    except OlistError as error:
        found, name, unknown = None, UNKNOWN_ROLE, error
    with audit_log.audited(warehouse, action, asked.tables, role=name, statement=asked.statement) as reading:
        if unknown:
            raise unknown
        yield found, reading


def print_answer(
    warehouse: Warehouse,
    query: str,
    form: str,
    opener: Opener | None = None,
    *,
    role: str | None = None,
    escape_formulas: bool = False,
) -> None:
    """Write a query's rows to standard output, as a `table`, `csv` or `json`. Raises OlistError."""
    rows = answer(warehouse, query, opener, role=role)
    if rows is not None:
        print_rows(warehouse.settings, rows, form, escape_formulas=escape_formulas)


def _result(
    warehouse: Warehouse, query: str, named: tuple[str, ...], opener: Opener | None, role: Role | None
) -> pa.Table | None:
    if role:
        role.require(warehouse.catalog, named)
    # A query such as SHOW TABLES names no table and means all.
    known = role.grants(warehouse.catalog) if role else warehouse.catalog.tables
    opened = {name: (opener or warehouse.open)(name) for name in named} or warehouse.existing_tables(known, opener)
    with warehouse.sql(opened) as raw:
        if role is None:
            raw.execute(LOSSLESS)
            return query_rows(raw, query, known)
        try:
            with hidden_values(role):
                visible = {name: visible_rows(warehouse, raw, name, role) for name in opened}
                return ask(query, visible, named, limits_of(warehouse.settings))
        except QueryFailed as error:
            message = f"{error}\nTables: {', '.join(known)}."
            if hidden := tables_named(query, _hidden_columns(warehouse, named, role)):
                raise Denied(f"{message}\nRole {role.name} does not see the column {', '.join(hidden)}.") from error
            raise OlistError(message) from error


def _hidden_columns(warehouse: Warehouse, named: tuple[str, ...], role: Role) -> set[str]:
    """Columns of the tables that the role does not see."""
    grants = role.grants(warehouse.catalog)
    contracts = [warehouse.catalog.table(name) for name in named]
    return {c.name for table in contracts for c in table.columns if c not in grants[table.name].visible(table)}
