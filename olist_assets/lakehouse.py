"""The JVM-free side of the lakehouse: open a table, its statistics and history, SQL over all tables."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from dagster_deltalake import DeltaTableResource, LocalConfig
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from olist_assets.errors import OlistError
from olist_assets.settings import Settings

# DuckDB's own writers: quoting, nested values and exact decimals are theirs.
WRITERS = {"csv": "FORMAT csv, HEADER", "json": "FORMAT json, ARRAY true"}
ROWS_SHOWN = 100


class TableMissing(OlistError):
    """The table has never been written."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(f"Table {name} does not exist yet ({path}). Make it with: olist materialize --select {name}")


class TableBroken(OlistError):
    """The table's log cannot be read."""


def require_writable(settings: Settings) -> None:
    """Make the warehouse's folder where there is none. Raises OlistError where nothing can be written to it."""
    path = settings.warehouse_path
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Asking for the right is not enough: a file system mounted read-only says no at the first write only.
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OlistError(f"Cannot write to the warehouse {path}: {error.strerror}. Set OLIST_WAREHOUSE.") from error


def open_table(settings: Settings, name: str) -> DeltaTable:
    """The newest version of a table. Raises TableMissing, and TableBroken naming what cannot be read."""
    path = settings.table_path(name)
    try:
        table = DeltaTableResource(url=str(path), storage_options=LocalConfig()).load()
    except TableNotFoundError as error:
        raise TableMissing(name, path) from error
    except (DeltaError, OSError) as error:
        raise TableBroken(f"Table {name} ({path}) cannot be opened: {error}") from error
    if table.version() == 0:
        # Version 0 only creates the table: a first write that failed leaves no more.
        raise TableMissing(name, path)
    return table


def made(settings: Settings, names: Iterable[str]) -> dict[str, DeltaTable]:
    """Those of the tables that have been written, by name."""
    found: dict[str, DeltaTable] = {}
    for name in names:
        with suppress(TableMissing):
            found[name] = open_table(settings, name)
    return found


def tables_on_disk(settings: Settings) -> dict[str, DeltaTable]:
    """All tables with data in the warehouse, by name."""
    return made(settings, (log.parent.name for log in sorted(settings.warehouse_path.glob("*/*/_delta_log"))))


def statistics(table: DeltaTable) -> dict[str, Any]:
    """`{"rows", "files", "bytes", "nulls"}`, nulls by column, all from the log's file statistics alone."""
    actions = pa.table(table.get_add_actions(flatten=True))
    nulls = {
        name.removeprefix("null_count."): sum(v or 0 for v in actions[name].to_pylist())
        for name in actions.column_names
        if name.startswith("null_count.")
    }
    total = {key: sum(actions[key].to_pylist()) for key in ("num_records", "size_bytes")}
    return {"rows": total["num_records"], "files": len(actions), "bytes": total["size_bytes"], "nulls": nulls}


def rows_by_day(table: DeltaTable, name: str, day: str, predicate: str) -> dict[str, int]:
    """Rows of each day (ISO date) that the predicate covers and that has any."""
    with connection({name: table}) as con:
        query = f'SELECT CAST("{day}" AS VARCHAR), count(*) FROM "{name}" WHERE {predicate} GROUP BY 1'
        return dict(con.execute(query).fetchall())


def written_at(table: DeltaTable) -> datetime:
    """When the newest version was committed (UTC)."""
    return datetime.fromtimestamp(table.history(1)[0]["timestamp"] / 1000, UTC)


@contextmanager
def connection(tables: dict[str, DeltaTable]) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view a table, by bare name, over exactly the Parquet files of the version that was opened."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            _create_view(con, name, table)
        yield con


def _create_view(con: duckdb.DuckDBPyConnection, name: str, table: DeltaTable) -> None:
    files = table.file_uris()
    if files:
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        con.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], union_by_name = true)')
    else:
        # A table without a file is empty: its schema alone is asked for.
        con.register(name, table.to_pyarrow_table())


def answer(settings: Settings, query: str, form: str) -> None:
    """Write a query's result to standard output, as a `table` or by one of WRITERS. Raises OlistError."""
    from olist_assets.catalog import tables as contracts

    named = mentioned(query, contracts())
    # A query like SHOW TABLES names none and means all.
    opened = {name: open_table(settings, name) for name in named} if named else tables_on_disk(settings)
    with connection(opened) as con:
        try:
            result = con.sql(query)
            if result is None:
                return
            if form == "table":
                result.show(max_rows=ROWS_SHOWN)
            else:
                con.execute(f"COPY (FROM result) TO '/dev/stdout' ({WRITERS[form]})")
        except duckdb.Error as error:
            raise OlistError(f"{error}\nTables: {', '.join(contracts())}.") from error


def mentioned(sql: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the known tables that a query names."""
    words = set(re.findall(r"\w+", sql))
    return tuple(name for name in known if name in words)
