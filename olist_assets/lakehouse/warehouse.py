"""The JVM-free side of the lakehouse: open a table at any of its versions, its statistics, SQL over all tables."""

import re
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from upath import UPath

from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.catalog import all_tables, layer_of
from olist_assets.errors import OlistError
from olist_assets.lakehouse.object_store import object_store, open_delta, store_errors
from olist_assets.settings import Settings

# DuckDB's own writers: quoting, nested values and exact decimals are theirs.
WRITERS = {"csv": "FORMAT csv, HEADER", "json": "FORMAT json, ARRAY true"}
ROWS_SHOWN = 100


class TableMissing(OlistError):
    """The table has never been written."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(f"Table {name} does not exist yet ({path}). Make it with: olist materialize --select {name}")


class NothingYet(TableMissing):
    """The table had not been written at the version or time asked for."""

    def __init__(self, name: str, when: str) -> None:
        OlistError.__init__(self, f"Table {name} held nothing yet {when}. Its versions: olist history {name}")


class TableBroken(OlistError):
    """The table's log cannot be read."""

    def __init__(self, name: str, path: Path, why: str) -> None:
        last = delta_log.last_readable(path)
        file = delta_log.broken_file(path, last)
        told = f"Table {name} ({path}) cannot be opened: {f'{file}: ' if file else ''}{why.splitlines()[0]}."
        if not last:
            super().__init__(f"{told} None of its versions can: move the folder away and make it again.")
            return
        # Without a broken checkpoint, which repeats the commits, all of those can be read again.
        version = delta_log.commits(path)[0].version if file and delta_log.is_checkpoint(Path(file)) else last
        super().__init__(
            f"{told} Its last readable version is {last}; repair it with: olist restore {name} --version {version}"
        )


Opener = Callable[[Settings, str], DeltaTable]


def require_writable(settings: Settings) -> None:
    """Make the warehouse's folder where there is none. Raises OlistError where nothing can be written to it."""
    path = settings.warehouse_path
    # Asking for the right is not enough: a file system mounted read-only says no at the first write only.
    probe = path / f".writable-{uuid.uuid4().hex}"
    try:
        if not settings.is_in_object_store:
            path.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except ImportError as error:
        raise OlistError(f"A warehouse in S3 needs the extra s3: pip install 'olist-assets[s3]' ({error}).") from error
    except (OSError, *store_errors()) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise OlistError(f"Cannot write to the warehouse {path}: {why}. Set OLIST_WAREHOUSE.") from error


def table_path(settings: Settings, name: str) -> Path:
    """Where a table lives: <warehouse>/<layer>/<table>."""
    return settings.warehouse_path / layer_of(name) / name


def open_table(settings: Settings, name: str, version: int | None = None) -> DeltaTable:
    """A table at a version, the newest unless one is named.

    Raises TableMissing, TableBroken naming what cannot be read, and OlistError for a version that is not there.
    """
    path = table_path(settings, name)
    if version is not None:
        _require_version(name, path, version)
    try:
        table = open_delta(path, version)
    except TableNotFoundError as error:
        raise TableMissing(name, path) from error
    except (DeltaError, OSError) as error:
        raise TableBroken(name, path, str(error)) from error
    newest = delta_log.commit(path, table.version())
    if newest.is_empty:
        raise TableBroken(name, path, "the file is empty")
    if newest.only_creates:
        # A first write, or one that changed the schema, that failed leaves no more.
        raise TableMissing(name, path)
    if version is not None and (gone := missing_files(table)):
        raise OlistError(
            f"Version {version} of {name} cannot be read any more: {len(gone)} of its data files are gone (vacuumed?), "
            f"for example {gone[0]}."
        )
    return table


def version_before(settings: Settings, name: str, version: int) -> DeltaTable | None:
    """The last version before one that held data and can still be read; None where there is none."""
    earlier = [c.version for c in delta_log.commits(table_path(settings, name)) if c.version < version]
    for candidate in earlier:
        with suppress(OlistError):
            return open_table(settings, name, candidate)
    return None


def _require_version(name: str, path: Path, version: int) -> None:
    versions = [commit.version for commit in delta_log.commits(path)]
    if not versions:
        raise TableMissing(name, path)
    if version not in versions or not delta_log.reaches(path, version):
        why = f"its newest is {versions[0]}" if version > versions[0] else "what its log said of that time is gone"
        raise OlistError(f"Table {name} has no version {version}: {why}. Its versions: olist history {name}")
    if version == 0:
        raise NothingYet(name, "at version 0")


def data_files(table: DeltaTable) -> list[str]:
    """Paths of the Parquet files that the version consists of."""
    # They come as parts of a URL: a space in the warehouse's path is %20.
    return [unquote(uri) for uri in table.file_uris()]


def missing_files(table: DeltaTable) -> list[str]:
    """Those of the version's data files that are not there."""
    return [file for file in data_files(table) if not UPath(file).exists()]


def made(settings: Settings, names: Iterable[str], opener: Opener = open_table) -> dict[str, DeltaTable]:
    """Those of the tables that have been written, by name."""
    found: dict[str, DeltaTable] = {}
    for name in names:
        with suppress(TableMissing):
            found[name] = opener(settings, name)
    return found


def tables_on_disk(settings: Settings) -> dict[str, DeltaTable]:
    """All tables with data in the warehouse, by name; the audit log, which comes by itself, is none of them."""
    return made(settings, all_tables())


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


def day_bounds(table: DeltaTable, day: str) -> tuple[date, date] | None:
    """First and last day with a row, from the log's file statistics alone; None where there is no row."""
    actions = pa.table(table.get_add_actions(flatten=True))
    if not len(actions):
        return None
    return min(actions[f"min.{day}"].to_pylist()), max(actions[f"max.{day}"].to_pylist())


def rows_by_day(table: DeltaTable, name: str, day: str, predicate: str) -> dict[str, int]:
    """Rows of each day (ISO date) that the predicate covers and that has any."""
    with connection({name: table}) as con:
        query = f'SELECT CAST("{day}" AS VARCHAR), count(*) FROM "{name}" WHERE {predicate} GROUP BY 1'
        return dict(con.execute(query).fetchall())


def written_at(table: DeltaTable) -> datetime:
    """When the version was committed (UTC)."""
    return delta_log.commit(location(table), table.version()).at


def location(table: DeltaTable) -> Path:
    """Where an opened table lies: what `table_path` says of its name."""
    return cast(Path, UPath(unquote(table.table_uri.removeprefix("file://").rstrip("/"))))


@contextmanager
def connection(tables: dict[str, DeltaTable]) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view a table, by bare name, over exactly the Parquet files of the version that was opened."""
    limits: dict[str, Any] = {
        # DuckDB's own limit is most of the machine's memory, and it spills into the working directory.
        "memory_limit": f"{Settings().duckdb_memory >> 20}MiB",
        # A folder of its own, made and removed as needed: connections that share one may write the same file.
        "temp_directory": str(Path(tempfile.gettempdir(), f"olist-duckdb-{uuid.uuid4().hex}")),
    }
    with duckdb.connect(config=limits) as con:
        con.execute("SET TimeZone = 'UTC'")
        # It would stand on standard output, among a query's rows.
        con.execute("SET enable_progress_bar = false")
        for name, table in tables.items():
            create_view(con, name, table, data_files(table))
        yield con


def create_view(con: duckdb.DuckDBPyConnection, name: str, table: DeltaTable, files: Iterable[str]) -> None:
    """A view over some of the table's files."""
    store = object_store(table.table_uri)
    if store and not con.filesystem_is_registered("s3"):
        con.register_filesystem(store)
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    if listed:
        con.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], union_by_name = true)')
    else:
        con.register(name, pa.schema(table.schema().to_arrow()).empty_table())


def rows_of(con: duckdb.DuckDBPyConnection, query: str, known: Iterable[str]) -> pa.Table | None:
    """A query's rows; None for a statement that has none. Raises OlistError that names the known tables."""
    try:
        result = con.sql(query)
        return None if result is None else result.to_arrow_table()
    except duckdb.Error as error:
        raise OlistError(f"{error}\nTables: {', '.join(known)}.") from error


def show(rows: pa.Table, form: str) -> None:
    """Write rows to standard output, as a `table` or by one of WRITERS."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        result = con.from_arrow(rows)
        if form == "table":
            result.show(max_rows=ROWS_SHOWN)
        else:
            con.execute(f"COPY (FROM result) TO '/dev/stdout' ({WRITERS[form]})")


def mentioned(sql: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the known tables that a query names; its comments name none."""
    # A token is where it begins, in bytes, and its kind.
    text, tokens = sql.encode(), [*duckdb.tokenize(sql), (None, None)]
    code = (text[at:end] for (at, kind), (end, _) in pairwise(tokens) if kind != duckdb.token_type.comment)
    words = set(re.findall(r"\w+", b" ".join(code).decode()))
    return tuple(name for name in known if name in words)
