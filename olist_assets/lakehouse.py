"""The JVM-free side of the lakehouse: open a table, its statistics and history, SQL over all tables."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from dagster_deltalake import DeltaTableResource, LocalConfig
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from olist_assets.errors import OlistError
from olist_assets.settings import Settings


class TableMissing(OlistError):
    """The table has never been written."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(f"Table {name} does not exist yet ({path}). Make it with: olist materialize --select {name}")


def exists(path: Path) -> bool:
    """True once data was committed: version 0 only creates the table, so a first write that failed leaves none."""
    log = path / "_delta_log"
    return any(log.glob("*[1-9].json")) or any(log.glob("*[1-9]?.json")) or any(log.glob("*.checkpoint*.parquet"))


def open_table(settings: Settings, name: str) -> DeltaTable:
    """The newest version of a table. Raises TableMissing."""
    path = settings.table_path(name)
    if not exists(path):
        raise TableMissing(name, path)
    try:
        return DeltaTableResource(url=str(path), storage_options=LocalConfig()).load()
    except TableNotFoundError as error:
        raise TableMissing(name, path) from error


def tables_on_disk(settings: Settings) -> list[str]:
    """Names of all tables with data in the warehouse."""
    return sorted(p.parent.name for p in settings.warehouse_path.glob("*/*/_delta_log") if exists(p.parent))


def statistics(table: DeltaTable) -> dict[str, Any]:
    """Rows, files, bytes, and nulls a column from the log's file statistics alone: `{"rows", "files", "bytes", "nulls"}`."""
    import pyarrow as pa

    actions = pa.table(table.get_add_actions(flatten=True))
    nulls = {
        name.removeprefix("null_count."): sum(v or 0 for v in actions[name].to_pylist())
        for name in actions.column_names
        if name.startswith("null_count.")
    }
    total = {key: sum(actions[key].to_pylist()) for key in ("num_records", "size_bytes")}
    return {"rows": total["num_records"], "files": len(actions), "bytes": total["size_bytes"], "nulls": nulls}


def rows_written(table: DeltaTable) -> int:
    """Rows of the last commit, as it says itself."""
    return int(table.history(1)[0].get("operationMetrics", {}).get("numOutputRows", 0))


@contextmanager
def connection(settings: Settings, names: Iterable[str] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view a table, by bare name, over exactly the Parquet files of its newest version."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name in tables_on_disk(settings) if names is None else names:
            create_view(con, settings, name)
        yield con


def create_view(con: duckdb.DuckDBPyConnection, settings: Settings, name: str) -> None:
    files = open_table(settings, name).file_uris()
    if files:
        listed = ", ".join(f"'{file}'" for file in files)
        con.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], union_by_name = true)')
    else:
        # A table without a file is empty: its schema alone is asked for.
        con.register(name, open_table(settings, name).to_pyarrow_table())


def mentioned(sql: str, known: Iterable[str]) -> list[str]:
    """Those of the known tables that a query names."""
    words = set(re.findall(r"\w+", sql))
    return [name for name in known if name in words]
