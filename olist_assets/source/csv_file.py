"""A CSV file as all parts of the platform read it: one dialect, found once from the whole file.

What can be understood in one way only is read: any line ends, a byte order mark, quotes around everything, lines
without a value, a header in upper case or with spaces. Everything else is refused, with the cause and the remedy.
"""

import codecs
import csv
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

from filelock import FileLock

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.source_files import ADDED_COLUMNS, SOURCES, SourceFile
from olist_assets.errors import OlistError
from olist_assets.paths import plain_path
from olist_assets.settings import Settings
from olist_assets.source.files import source_folder, state_of, unpacked
from olist_assets.source.scan import (
    CHUNK_BYTES,
    MAX_HEADER_BYTES,
    MAX_RECORD_BYTES,
    Scan,
    StrayQuote,
    header_line,
    scan,
    write_plain,
)

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# What pandas and R call the column of row numbers that they write by default.
INDEX_NAMES = ("", "Unnamed: 0", "X")
# Of many records: a few may well be broken.
MIN_RECORDS = 10
# No column of a file has a name with a space.
RECORD = identifier("record number")
SAVE_AGAIN = "Save it again as CSV in UTF-8, with commas between the fields."


# Python's own limit of a field is 128 kB; a comment may be longer.
csv.field_size_limit(MAX_RECORD_BYTES)


@dataclass(frozen=True)
class CsvFile:
    """A file whose records all have as many fields as its header, and end in one way."""

    path: Path
    header: tuple[str, ...]
    """The columns, as their contract spells them."""
    line_end: str
    records: int
    """Records after the header, misfits included."""
    misfits: tuple[str, ...] = ()
    """Records of the received file with another number of fields than its header, which `path` lacks."""
    respelled: tuple[str, ...] = ()
    """Names in the header that the contract spells in another way."""
    valueless: int = 0
    """Lines of the received file that are no records: they hold delimiters, quotes and spaces only, or nothing."""
    first_misfit: int | None = None
    """The line of the received file in which the first of the misfits begins."""

    @property
    def duckdb_sql(self) -> str:
        """DuckDB's table function over the file, without misfits: every column as text."""
        columns = ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in self.header)
        return (
            f"read_csv({literal(plain_path(self.path))}, columns = {{{columns}}}, header = true, auto_detect = false, "
            "delim = ',', quote = '\"', escape = '\"', parallel = false, ignore_errors = true)"
        )

    @property
    def numbered_sql(self) -> str:
        """The same records with their numbers in the column RECORD, by which an error names one."""
        return f"(SELECT row_number() OVER () AS {RECORD}, * FROM {self.duckdb_sql})"


def source_file(settings: Settings, source: SourceFile) -> CsvFile:
    """A file of the dataset. Raises OlistError for one that is missing or cannot be read as CSV."""
    path = source_folder(settings) / source.name
    if not path.exists():
        raise OlistError(
            f"{shown(settings, source)} is missing. The data folder or zip must hold all nine files of the dataset."
        )
    return csv_file(path, shown(settings, source), settings.cache, source.columns)


def remove_copies(settings: Settings) -> None:
    """Delete what was unpacked or corrected of the dataset into the cache; the next read makes it again."""
    folders = (*(_copies(settings.cache, shown(settings, source)) for source in SOURCES.values()), unpacked(settings))
    for folder in folders:
        if folder.is_dir():
            with FileLock(folder / "lock", timeout=600):
                for path in folder.iterdir():
                    if path.is_dir():
                        rmtree(path)
                    elif path.name != "lock":
                        path.unlink()


def shown(settings: Settings, source: SourceFile) -> str:
    """A file as messages name it: where its user put it, not where it may have been unpacked."""
    return f"{source.name} in {settings.data}"


def _require_names(header: tuple[str, ...], name: str, columns: Sequence[str]) -> None:
    """Raises OlistError for a header that no table can have."""
    if columns and not {*header} & {*columns}:
        # Without the line: it may be the first record.
        raise OlistError(
            f"{name} does not start with its header: none of the {len(header)} fields of its first line is the name of "
            f"a column. That line must be: {','.join(columns)}"
        )
    if header[-1] == "":
        raise OlistError(f"{name} has a comma at the end of its header. Remove it there and from all records.")
    known = [column.casefold() for column in header]
    wrong = [
        number for number, column in enumerate(header, 1)
        if not re.fullmatch(r"\w+", column) or column.casefold() in ADDED_COLUMNS or known.count(column.casefold()) > 1
    ]  # fmt: skip
    if wrong:
        raise OlistError(
            f"{name}: the fields {', '.join(map(str, wrong))} of its first line cannot be column names (duplicate, "
            "reserved, or not a word). Rename them, or put a header there."
        )


def _copies(cache: Path, name: str) -> Path:
    """The folder of a file's copies: by its name, as the path of an unpacked file changes with its archive."""
    return cache / "plain" / sha256(name.encode()).hexdigest()[:16]


_known: dict[tuple[str, ...], CsvFile] = {}
_locks = defaultdict[str, threading.Lock](threading.Lock)


def csv_file(path: Path, name: str, cache: Path, columns: Sequence[str] = ()) -> CsvFile:
    """A file, by the name that its user knows; `columns` are those of its contract, if it has one.

    A file that is not plain is copied into the cache as one that is. A process examines each state of a file once.
    Raises OlistError that names the file, the cause and the remedy.
    """
    try:
        state = state_of(path)
        key = state, *columns
        with _locks[state]:
            if key not in _known or not _known[key].path.exists():
                _known[key] = _examined(path, name, _copies(cache, name) / f"{state}.csv", columns)
            return _known[key]
    except OSError as error:
        raise OlistError(f"{name} cannot be read: {error.strerror}.") from error


def _examined(path: Path, name: str, copy: Path, columns: Sequence[str]) -> CsvFile:
    _require_utf8(path, name)
    content = header_line(path)[0]
    if len(content) > MAX_HEADER_BYTES // 2:
        raise OlistError(f"{name} has no header: its first line is longer than {MAX_HEADER_BYTES >> 11} kB.")
    line = content.decode()
    if line.count('"') % 2:
        raise OlistError(f"{name}, line 1: a quote is opened in the header and not closed. Correct that line.")
    if not line:
        raise OlistError(f"{name} is empty: it has no header line.")
    received = _fields(line, ",")
    if cause := _unreadable_header(line, received, columns):
        raise OlistError(f"{name} {cause}")
    header = tuple(_spelling(field, columns) for field in received)
    _require_names(header, name, columns)
    try:
        found = scan(path, len(header))
    except StrayQuote as error:
        where = f"{name}, line {_line_number(path, error.position)}"
        raise OlistError(f"{where}: {error.problem}. Correct that line, or write the file again.") from error
    first_misfit = _line_number(path, found.misfits[0].start) if found.misfits else None
    if columns and len(found.misfits) * 2 > found.records >= MIN_RECORDS:
        raise OlistError(
            f"{name}: most records have another number of fields than the header's {len(header)}, for example the one "
            f"of line {first_misfit}. {SAVE_AGAIN}"
        )
    misfits, line_end = tuple(_texts(path, found)), "\r\n" if "CRLF" in found.line_ends else "\n"
    # As written: spaces before a quote are no part of a field, and of no field to DuckDB.
    written = line.replace('"', "").split(",")
    respelled = tuple(field for field, name in zip(written, header, strict=False) if field != name)
    has_one_line_end = len(found.line_ends) <= 1 and "CR" not in found.line_ends
    if respelled or misfits or found.valueless or not has_one_line_end:
        try:
            _write_copy(path, found, copy, ",".join(header))
        except OSError as error:
            raise OlistError(f"Cannot write a copy of {name} to {copy}: {error.strerror}. Set OLIST_CACHE.") from error
        path, line_end = copy, "\n"
    return CsvFile(path, header, line_end, found.records, misfits, respelled, found.valueless, first_misfit)


def _require_utf8(path: Path, name: str) -> None:
    decoder, position = codecs.getincrementaldecoder("utf-8")(), 0
    try:
        with path.open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                decoder.decode(chunk)
                position += len(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        problem = f"{name} is not UTF-8: {error.reason} near byte {position + error.start}."
        raise OlistError(f"{problem} {SAVE_AGAIN}") from error


def _fields(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True))


def _unreadable_header(line: str, received: list[str], columns: Sequence[str]) -> str | None:
    """Why the file of this header cannot be read, with the remedy, where its header tells."""
    for separator, called in SEPARATORS.items():
        if _likeness(_fields(line, separator), columns) > _likeness(received, columns):
            return f"has {called} between its fields instead of commas. {SAVE_AGAIN}"
    if line.startswith('"') and line.endswith('"'):
        inner = line[1:-1]
        parsed = max(_likeness(_fields(text, ","), columns) for text in (inner, inner.replace('""', '"')))
        if parsed > _likeness(received, columns):
            return f"has quotes around whole lines, so that each line is a single field. {SAVE_AGAIN}"
    spelled = [_spelling(field, columns) for field in received]
    if columns and spelled[0] in INDEX_NAMES and spelled[1:] == [*columns]:
        return "has a column of row numbers in front. Write it without: df.to_csv(..., index=False)."
    return None


def _likeness(fields: list[str], columns: Sequence[str]) -> int:
    """How many fields a contract's columns are; without a contract, how many fields there are."""
    return sum(_spelling(field, columns) in columns for field in fields) if columns else len(fields)


def _spelling(field: str, columns: Sequence[str]) -> str:
    """A name of the header as its contract spells it."""
    name = field.strip()
    usual = re.sub(r"[\s-]+", "_", name).casefold()
    return usual if usual in columns else name


def _texts(path: Path, found: Scan) -> Iterator[str]:
    """The misfits of a file."""
    with path.open("rb") as opened:
        for span in found.misfits:
            opened.seek(span.start)
            yield opened.read(span.end - span.start).decode()


def _line_number(path: Path, position: int) -> int:
    """The line in which a byte stands, as an editor counts: LF, CRLF and CR each end a line."""
    with path.open("rb") as opened:
        before = opened.read(position)
    return before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n") + 1


def _write_copy(path: Path, found: Scan, copy: Path, header: str) -> None:
    """Make the copy if there is none; those of earlier states of the file are deleted."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(copy.parent / "lock", timeout=600):
        if copy.exists():
            return
        partial = copy.with_suffix(".partial")
        try:
            write_plain(path, found, partial, header)
            for earlier in copy.parent.glob("*.csv"):
                earlier.unlink()
            partial.rename(copy)
        finally:
            partial.unlink(missing_ok=True)
