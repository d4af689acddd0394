"""Whether any file in a folder still tells of a person: all are read, Parquet and SQLite decoded, archives unpacked.

An id of the customer and the text of a comment must be nowhere. Orders and reviews keep their ids, so a row of Parquet
with one of these must have no comment, no place, no record that did not parse, and nothing in an unknown column.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.quoting import identifier
from olist_assets.errors import OlistError
from olist_assets.governance.event_traces import ESCAPED, plain
from olist_assets.governance.traces import PERSONAL_KEYS, Traces, any_of, is_distinctive
from olist_assets.lakehouse.object_store import LOG
from olist_assets.operations.packed_files import DAMAGED, START, is_archive, is_closed, members
from olist_assets.operations.personal_columns import PersonalColumns

CHUNK = 8 << 20
ROWS = 50_000
PARQUET, SQLITE = b"PAR1", b"SQLite format 3\0"
ESCAPE = re.compile(ESCAPED.encode())
MAX_NESTING = 4
LATIN = 256
# A comment may also have been cut off: file statistics keep the first 32 characters of a text.
MIN_COMMENT, KNOWN_BY = 12, 24


@dataclass(frozen=True)
class Sought:
    """What must be gone: ids and comments anywhere, and personal columns beside the ids of orders and reviews."""

    traces: Traces
    comments: tuple[str, ...] = ()
    """The texts of comments by which they can be recognized: `recognizable`."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What is sought in any text; a short id, such as `7`, is sought as the value of its column only."""
        return (*sorted(filter(is_distinctive, self.traces.ids)), *self.comments)

    @property
    def short_ids(self) -> list[str]:
        return sorted(self.traces.ids - set(self.texts))


@dataclass
class Proof:
    """Numbers of files, bytes and Parquet files read, files that still tell of the person, and those not readable."""

    files: int = 0
    bytes: int = 0
    parquet: int = 0
    hits: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def described(self, folder: Path) -> str:
        """One line, without any id."""
        hits = f"{len(self.hits)} hits" + (f": {', '.join(self.hits)}" if self.hits else "")
        closed = f"; not opened, as their content is packed: {', '.join(self.closed)}" if self.closed else ""
        return (
            f"{self.files:,} files, {self.bytes:,} bytes in {folder} read, {self.parquet:,} of them Parquet and "
            f"decoded: {hits}{closed}"
        )


def prove(
    con: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, sought: Sought, but: Path | None = None
) -> Proof:
    """Search all files of a folder `but` those of another one, also behind links.

    Raises OlistError for a file that cannot be read.
    """
    search = _Search(con, sought, PersonalColumns(catalog))
    if but and but.is_dir() and but.is_relative_to(folder):
        search.proof.closed.append(f"{but.relative_to(folder)}/ (the broker's messages)")
    for file in sorted(_files(folder, {but.resolve()} if but else set())):
        search.read(file, str(file.relative_to(folder)))
    return search.proof


def recognizable(comments: Iterable[str]) -> tuple[str, ...]:
    """The beginnings of comments that are long enough to be nobody else's: `Bom` is a comment of thousands."""
    return tuple(sorted({text.strip()[:KNOWN_BY] for text in comments if len(text.strip()) >= MIN_COMMENT}))


def spellings(text: str) -> set[str]:
    """A text as JSON, CSV and a URL write it."""
    inner = (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    return {text, *inner, text.replace('"', '""'), quote(text)}


def forms(texts: Iterable[str]) -> list[bytes]:
    """Texts as the bytes that files may have of them, in lower case as far as ASCII goes."""
    return sorted({spelled.encode().lower() for text in texts for spelled in spellings(text)})


def foreign_forms(texts: Iterable[str]) -> list[bytes]:
    """Texts in UTF-16 and Latin-1, which Parquet does not have."""
    wide = {text.encode(order) for text in texts for order in ("utf-16-le", "utf-16-be")}
    narrow = {text.encode("latin-1") for text in texts if max(map(ord, text)) < LATIN}
    return sorted(form.lower() for form in wide | narrow)


class _Search:
    """Reads one file after the other."""

    def __init__(self, con: duckdb.DuckDBPyConnection, sought: Sought, columns: PersonalColumns) -> None:
        self._con, self._columns = con, columns
        self._needles, self._foreign = forms(sought.texts), foreign_forms(sought.texts)
        self._records = [value.encode() for value in sorted(sought.traces.records)]
        self._pattern, self._short_ids = any_of(sought.traces.records), sought.short_ids
        self.proof = Proof()

    def read(self, file: Path, name: str) -> None:
        try:
            self.proof.files += 1
            self.proof.bytes += file.stat().st_size
            with file.open("rb") as opened:
                is_found = self._stream_has(opened, name, MAX_NESTING)
                opened.seek(0)
                if opened.read(len(SQLITE)) == SQLITE:
                    # A long value is in several pages, and an id may be cut at the end of one.
                    is_found = is_found or self._database_has(file, name)
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            raise OlistError(
                f"{file} cannot be decoded, so nothing is proven: {error}. Remove it and run again."
            ) from error
        if is_found:
            self.proof.hits.append(name)

    def _stream_has(self, stream: IO[bytes], name: str, nesting: int) -> bool:
        """Whether a file still tells of the person: by its bytes, its rows, or a file that is packed in it."""
        first = stream.read(START)
        is_parquet = first.startswith(PARQUET)
        if is_parquet:
            self.proof.parquet += 1
            stream.seek(0)
            if self._decoded_has(stream, name):
                return True
        stream.seek(0)
        if _contains(stream, self._needles if is_parquet else [*self._needles, *self._foreign]):
            return True
        try:
            stream.seek(0)
            return self._unpacked_has(stream, first, name, nesting)
        except DAMAGED:
            self.proof.closed.append(name)
            return False

    def _unpacked_has(self, stream: IO[bytes], first: bytes, name: str, nesting: int) -> bool:
        if is_closed(first) or (is_archive(first) and not nesting):
            self.proof.closed.append(name)
            return False
        found = False
        for member in members(stream, first):
            with member:
                found = self._stream_has(member, name, nesting - 1) or found
        return found

    def _database_has(self, file: Path, name: str) -> bool:
        address = f"file:{quote(str(file.resolve()))}?mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(address, uri=True)) as con:
                con.text_factory = bytes
                return any(_row_has(row, self._needles) for row in _stored_rows(con))
        except sqlite3.Error:
            self.proof.closed.append(name)
            return False

    def _decoded_has(self, stream: IO[bytes], name: str) -> bool:
        # A row of a log is about a file, with the smallest id and the smallest comment of different rows.
        is_log = LOG in Path(name).parts
        for batch in pq.ParquetFile(stream).iter_batches(ROWS):
            content = [bytes(buffer).lower() for column in batch.columns for buffer in _texts(column)]
            if any(needle in text for text in content for needle in self._needles):
                return True
            if self._has_short_id(pa.Table.from_batches([batch])):
                return True
            # In a message, escapes may be within an id: where only their reading has it, the row was never erased.
            read = [plain(text.decode(errors="replace")).lower().encode() for text in content if ESCAPE.search(text)]
            sought = self._needles if is_log else [*self._needles, *self._records]
            raw = b"\0".join(content) if read else b""
            if any(needle in text for text in read for needle in sought if needle not in raw):
                return True
            has_record = not is_log and any(record in text for text in content for record in self._records)
            if has_record and self._has_personal_row(pa.Table.from_batches([batch])):
                return True
        return False

    def _has_short_id(self, rows: pa.Table) -> bool:
        keys = [name for name in rows.column_names if name in PERSONAL_KEYS]
        if not (keys and self._short_ids):
            return False
        self._con.register("rows_read", rows)
        is_theirs = " OR ".join(f"lower(trim({name})) IN (SELECT unnest($1))" for name in keys)
        query = f"SELECT count(*) FROM rows_read WHERE {is_theirs}"
        ((count,),) = self._con.execute(query, [self._short_ids]).fetchall()
        return count > 0

    def _has_personal_row(self, rows: pa.Table) -> bool:
        """Whether a row has an id of an order or a review, and beside it something that may be personal."""
        beside = [test for name in rows.column_names if (test := self._columns.test_of(name))]
        if not beside or not self._pattern:
            return False
        self._con.register("rows_read", rows)
        is_theirs = "regexp_matches(rows_read::VARCHAR, $1, 'i')"
        query = f"SELECT count(*) FROM rows_read WHERE {is_theirs} AND ({' OR '.join(beside)})"
        ((count,),) = self._con.execute(query, [self._pattern]).fetchall()
        return count > 0


def _stored_rows(con: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    tables = con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        yield from con.execute(f"SELECT * FROM {identifier(name.decode())}")


def _row_has(row: tuple[Any, ...], needles: list[bytes]) -> bool:
    text = b"\0".join(value for value in row if isinstance(value, bytes)).lower()
    return any(needle in text for needle in needles)


def _contains(stream: IO[bytes], needles: list[bytes]) -> bool:
    overlap = max(map(len, needles), default=1) - 1
    carried = b""
    while chunk := stream.read(CHUNK):
        # A text may extend over two chunks.
        text = carried + chunk.lower()
        if any(needle in text for needle in needles):
            return True
        carried = text[-overlap:] if overlap else b""
    return False


def _texts(column: pa.Array) -> Iterator[pa.Buffer]:
    """The texts of a column, also of those within structs, lists and maps."""
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        yield from _texts(column.storage)
    elif pa.types.is_dictionary(kind):
        yield from _texts(column.dictionary)
    elif pa.types.is_struct(kind):
        for inner in column.flatten():
            yield from _texts(inner)
    elif pa.types.is_map(kind):
        yield from _texts(column.keys)
        yield from _texts(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _texts(column.flatten())
    elif pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        yield from _texts(column.cast(pa.large_binary()))
    elif str(kind).endswith(("string", "binary")) or pa.types.is_fixed_size_binary(kind):
        # All values are one after the other in the last buffer.
        yield from (buffer for buffer in column.buffers()[-1:] if buffer is not None)


def _files(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """All files below a folder, also those that links lead to; a link to a folder above is followed once."""
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, seen)
        elif entry.is_file():
            yield entry
