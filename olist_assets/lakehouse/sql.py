"""DuckDB over Delta tables: views over a table's files, queries and their output."""

import re
import sys
import tempfile
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager, redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path
from shutil import copyfileobj

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.errors import OlistError
from olist_assets.lakehouse.connection import connection
from olist_assets.lakehouse.object_store import object_store
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.paths import plain_path
from olist_assets.printable import printable_lines
from olist_assets.private_files import scratch
from olist_assets.settings import Settings

# DuckDB's own writers take care of quoting, nested values and exact decimals.
WRITERS = {"csv": "FORMAT csv, HEADER", "json": "FORMAT json, ARRAY true"}
ROWS_SHOWN = 100
# Spreadsheets skip blanks before the sign.
FORMULA = r"^\s*[=+\-@]"


def session(settings: Settings) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection with the settings' memory."""
    return connection(settings.duckdb_memory, spill=spill_folder())


def spill_folder() -> Path:
    """A folder for the temporary files of one connection: two that share a folder may write the same file."""
    return scratch() / f"duckdb-{uuid.uuid4().hex}"


def create_view(con: duckdb.DuckDBPyConnection, name: str, table: DeltaTable, files: Iterable[str]) -> None:
    """A view over some of a table's files; without files an empty one with the table's columns. Raises ForeignFiles."""
    require_plain_files(table)
    store = object_store(table.table_uri)
    if store and not con.filesystem_is_registered("s3"):
        con.register_filesystem(store)
    listed = ", ".join(literal(plain_path(file)) for file in files)
    if listed:
        con.execute(f"CREATE VIEW {identifier(name)} AS SELECT * FROM read_parquet([{listed}], union_by_name = true)")
    else:
        con.register(name, pa.schema(table.schema().to_arrow()).empty_table())


def query_rows(con: duckdb.DuckDBPyConnection, query: str, known: Iterable[str]) -> pa.Table | None:
    """A query's rows; None for a statement without a result. Raises OlistError that names the known tables."""
    try:
        result = con.sql(query)
        return None if result is None else result.to_arrow_table()
    except duckdb.Error as error:
        raise OlistError(f"{error}\nTables: {', '.join(known)}.") from error


def print_rows(settings: Settings, rows: pa.Table, form: str, *, escape_formulas: bool = False) -> None:
    """Write rows to standard output, as a `table` or by one of WRITERS; a terminal gets no control characters.

    A spreadsheet takes a cell of a CSV file that begins with = + - or @ for a formula; `escape_formulas` puts an
    apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    with session(settings) as con, tempfile.TemporaryDirectory(dir=scratch()) as folder:
        result = con.from_arrow(rows)
        if form == "table":
            with redirect_stdout(StringIO()) as drawn:
                result.show(max_rows=ROWS_SHOWN)
            sys.stdout.write(printable_lines(drawn.getvalue()))
            return
        if escape_formulas:
            result = result.project(", ".join(map(_without_formula, rows.schema)))
        # By a file: DuckDB would open /dev/stdout as a new file, which empties one that is appended to.
        path = Path(folder, "rows")
        try:
            con.execute(f"COPY (FROM result) TO {literal(str(path))} ({WRITERS[form]})")
        except duckdb.Error as error:
            raise OlistError(f"The rows cannot be written to {path}: {error}") from error
        sys.stdout.flush()
        if sys.stdout.isatty():
            sys.stdout.write(printable_lines(path.read_text(encoding="utf-8")))
        else:
            with path.open("rb") as written:
                copyfileobj(written, sys.stdout.buffer)
        sys.stdout.flush()


def _without_formula(column: pa.Field) -> str:
    name = identifier(column.name)
    shown = identifier(f"'{column.name}" if re.match(FORMULA, column.name) else column.name)
    if not pa.types.is_string(column.type):
        return f"{name} AS {shown}"
    return f"CASE WHEN regexp_matches({name}, {literal(FORMULA)}) THEN chr(39) || {name} ELSE {name} END AS {shown}"


def tables_named(sql: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known tables that a query names outside its comments. Raises OlistError for a text that is not UTF-8."""
    try:
        text = sql.encode()
    except UnicodeEncodeError as error:
        raise OlistError("The query is not UTF-8.") from error
    # A token is its first byte and its kind.
    tokens = [*duckdb.tokenize(sql), (None, None)]
    code = (text[at:end] for (at, kind), (end, _) in pairwise(tokens) if kind != duckdb.token_type.comment)
    words = set(re.findall(r"\w+", b" ".join(code).decode()))
    return tuple(name for name in known if name in words)
