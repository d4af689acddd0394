"""Questions as a role: DuckDB with what the role may see and nothing else, and each question in the audit log.

A query is hostile until shown otherwise, so it never meets the files. One connection reads and masks them; what it
gives is copied into tables of a second one, which is then shut off from files, network, Python and its own settings.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.governance import audit_log
from olist_assets import catalog
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.governance.roles import Denied, Role, in_force
from olist_assets.lakehouse.warehouse import Opener, open_table
from olist_assets.settings import Settings

# Otherwise wide integers would come back from a query as decimals.
LOSSLESS = "SET arrow_lossless_conversion = true"
SHUT_OFF = (
    LOSSLESS,
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@contextmanager
def connection(
    tables: dict[str, DeltaTable], role: Role | None, query: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `lakehouse.connection`, with no more than a role may see; without a role just that.

    Told the query, it fills only the columns that this needs; the others are there and null. Raises Denied for tables
    that are not the role's, and OlistError where its masking has no secret.
    """
    if role is None:
        with lakehouse.connection(tables) as con:
            con.execute(LOSSLESS)
            yield con
        return
    role.require(tables)
    with duckdb.connect() as con:
        with lakehouse.connection(tables) as raw:
            visible = {name: seen(raw, name, role) for name in tables}
            empty = {name: relation.limit(0).to_arrow_table() for name, relation in visible.items()}
            needed = columns_needed(empty, query) if query else {}
            _create(con, empty)
            for name, relation in visible.items():
                if columns := needed.get(name, relation.columns):
                    listed = ", ".join(f'"{column}"' for column in columns)
                    con.register("filled", relation.project(listed).to_arrow_table())
                    con.execute(f'INSERT INTO "{name}" BY NAME FROM filled')
                    con.unregister("filled")
        _shut_off(con)
        yield con


def seen(raw: duckdb.DuckDBPyConnection, name: str, role: Role) -> duckdb.DuckDBPyRelation:
    """What a role sees of a table that `raw` has whole: its columns, its rows, masked or not."""
    contract, grant = catalog.table(name), role.grants[name]
    columns = grant.visible(contract)
    if role.masked and masking.needs_secret(columns):
        masking.use_secret(raw, masking.secret(Settings()))
    listed = ", ".join(masking.masked(column) if role.masked else f'"{column.name}"' for column in columns)
    rows = f"WHERE ({grant.rows})" if grant.rows else ""
    return raw.sql(f'SELECT {listed} FROM (FROM "{name}" {rows})')


def columns_needed(empty: dict[str, pa.Table], query: str) -> dict[str, list[str]]:
    """The columns that a query reads of each table, by its plan over tables without rows; of tables left out, all.

    Only a single SELECT is looked into: other statements, and a PIVOT, which is several, depend on the rows. Raises
    OlistError for a query that cannot be planned.
    """
    with duckdb.connect() as con:
        _create(con, empty)
        # What would otherwise take columns, or whole tables without rows, out of the plan.
        optimizers = {name for (name,) in con.sql("SELECT name FROM duckdb_optimizers()").fetchall()}
        con.execute(f"SET disabled_optimizers = '{','.join(optimizers - {'unused_columns'})}'")
        con.execute("SET explain_output = 'physical_only'")
        _shut_off(con)
        try:
            if [statement.type for statement in con.extract_statements(query)] != [duckdb.StatementType.SELECT]:
                return {}
            ((_, plan),) = con.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
        except duckdb.Error:
            # Without the word before it, so that the message shows the query as it was asked.
            lakehouse.rows_of(con, query, empty)
            return {}
    found: dict[str, set[str]] = {}
    for node in _nodes(json.loads(plan)):
        said = node.get("extra_info", {})
        if table := said.get("Table"):
            columns = said.get("Projections") or []
            found.setdefault(table.rsplit(".", 1)[-1], set()).update([columns] if isinstance(columns, str) else columns)
    named = lakehouse.mentioned(query, empty)
    return {name: _read_of(rows, found.get(name)) for name, rows in empty.items() if name in found or name not in named}


def _read_of(rows: pa.Table, columns: set[str] | None) -> list[str]:
    """None of a table that the plan lacks; a query that only counts rows needs one column, and the last is no id."""
    if columns is None:
        return []
    return [name for name in rows.column_names if name in columns] or rows.column_names[-1:]


def _nodes(plan: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in plan:
        yield node
        yield from _nodes(node.get("children", []))


def _create(con: duckdb.DuckDBPyConnection, tables: dict[str, pa.Table]) -> None:
    for name, rows in tables.items():
        con.register("given", rows)
        con.execute(f'CREATE TABLE "{name}" AS FROM given')
        con.unregister("given")


def _shut_off(con: duckdb.DuckDBPyConnection) -> None:
    for setting in SHUT_OFF:
        con.execute(setting)


def answer(settings: Settings, query: str, form: str, opener: Opener = open_table, *, role: str | None = None) -> None:
    """Write a query's result to standard output, as a `table` or by one of WRITERS. Raises OlistError.

    Each query is in the audit log, also one that fails or is denied. A role gets no answer that cannot be written
    there; without a role, where the file system decides, a warning says so.
    """
    started, result, failure = time.monotonic(), None, None
    named = lakehouse.mentioned(query, catalog.all_tables())
    try:
        result = _result(settings, query, named, opener, in_force(settings, role))
    except OlistError as error:
        failure = error
    audit_log.record_read(
        settings, "query", named, role=role or settings.role, statement=query,
        rows=None if result is None else result.num_rows, seconds=time.monotonic() - started,
        error=None if failure is None else str(failure).splitlines()[0],
    )  # fmt: skip
    if failure:
        raise failure
    if result is not None:
        lakehouse.show(result, form)


def _result(
    settings: Settings, query: str, named: tuple[str, ...], opener: Opener, role: Role | None
) -> pa.Table | None:
    """The rows of a query; None for a statement that has none."""
    if role:
        role.require(named)
    # A query like SHOW TABLES names none and means all.
    known = role.grants if role else catalog.all_tables()
    opened = {name: opener(settings, name) for name in named} or lakehouse.made(settings, known, opener)
    try:
        with connection(opened, role, query) as con:
            return lakehouse.rows_of(con, query, known)
    except OlistError as error:
        if role and (hidden := lakehouse.mentioned(query, _hidden(named, role))):
            raise Denied(f"{error}\nRole {role.name} does not see the column {', '.join(hidden)}.") from error
        raise


def _hidden(named: tuple[str, ...], role: Role) -> set[str]:
    """Columns of the tables that the role does not see."""
    contracts = map(catalog.table, named)
    return {c.name for table in contracts for c in table.columns if c not in role.grants[table.name].visible(table)}
