"""The tables that a query reads according to DuckDB's binder, found without running any part of it."""

import re
from collections.abc import Collection
from contextlib import suppress

import duckdb

from olist_assets.lakehouse import sql
from olist_assets.settings import Settings

WORD = re.compile(r"\w+")
# Table functions whose argument names tables; the binder replaces them, if the argument is a literal.
NAMING = {"query", "query_table"}
# To bind a query may mean to open the files that it names.
SHUT_OFF = ("SET enable_external_access = false", "SET python_enable_replacements = false")


def tables_bound(settings: Settings, tables: Collection[str], query: str) -> tuple[str, ...]:
    """Those of the tables that a query reads, whatever their case and quotes, also within `query('...')`.

    A name that a CTE shadows is none of them. Of a statement that is not bound, such as a view, a PIVOT or one with
    parameters, every word that is a table's name counts; if the text within `query` is computed, every table does.
    Raises duckdb.ParserException for a text that is no SQL.
    """
    with sql.session(settings) as con:
        for setting in SHUT_OFF:
            con.execute(setting)
        found = [name for statement in con.extract_statements(query) for name in _names(con, tables, statement)]
    lower = {name.lower() for name in found}
    return tuple(name for name in tables if name in lower)


def _names(con: duckdb.DuckDBPyConnection, tables: Collection[str], statement: duckdb.Statement) -> Collection[str]:
    text, kind = statement.query, statement.type
    with suppress(duckdb.Error):
        # This binds, and evaluates nothing: text of a role must not be executed in this process. It names no table for
        # statements that only define something, such as a view.
        if (found := con.get_table_names(text)) or kind == duckdb.StatementType.SELECT:
            return found
    words = WORD.findall(text)
    reads_any = kind == duckdb.StatementType.EXPORT or not NAMING.isdisjoint(word.lower() for word in words)
    return tables if reads_any else words
