"""The one CSV dialect of the source files, for DuckDB, the engines and the record count: RFC 4180 with LF or CRLF."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from olist_assets.contracts.quoting import literal

DELIMITER, QUOTE, LINE_FEED = ",", '"', "\n"
CARRIAGE_RETURN, BLANK = ord("\r"), b"\r\n"
CHUNK_BYTES = 8 << 20
# Neither engine finds doubled quotes by itself.
CSV_OPTIONS: dict[str, Any] = {
    "header": True,
    "multiLine": True,
    "sep": DELIMITER,
    "quote": QUOTE,
    "escape": QUOTE,
    "encoding": "UTF-8",
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
}


def duckdb_csv(path: Path | str) -> str:
    """DuckDB's table function over a source file: every column as text, records that do not parse left out."""
    return (
        f"read_csv({literal(str(path))}, all_varchar = true, header = true, delim = {literal(DELIMITER)}, "
        f"quote = {literal(QUOTE)}, escape = {literal(QUOTE)}, strict_mode = false, parallel = false, "
        "ignore_errors = true)"
    )


def header_of(path: Path) -> tuple[str, ...]:
    """The fields of a file's first record."""
    with path.open(encoding="utf-8-sig", newline="") as opened:
        return tuple(next(csv.reader(opened), ()))


def line_end(path: Path) -> str:
    """The line end of the header. With it Spark keeps line breaks inside quoted fields as they are."""
    with path.open("rb") as opened:
        return "\r\n" if opened.readline().endswith(b"\r\n") else LINE_FEED


@dataclass(frozen=True)
class Span:
    """Bytes of a file, from `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Scan:
    """The number of records after the header, and those that have another number of fields than expected."""

    records: int
    misfits: tuple[Span, ...]


def record_count(path: Path) -> int:
    """Records after the header; blank lines do not count."""
    return scan(path).records


def scan(path: Path, fields: int | None = None) -> Scan:
    """Count the records of a file, and find those with another number of fields. Reads it once, in chunks."""
    records, misfits, position, rest = 0, list[Span](), 0, b""
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            data = rest + chunk
            found = _records(data)
            records += len(found.starts)
            misfits += found.misfits(position, fields)
            position, rest = position + found.bytes, data[found.bytes :]
    if rest.strip(BLANK):
        # The last record has no line end, or a quote in it was never closed.
        found = _records(rest + b"\n")
        records += max(len(found.starts), 1)
        misfits += found.misfits(position, fields) if found.bytes else [Span(position, position + len(rest))]
    return Scan(max(records - 1, 0), tuple(misfits))


@dataclass(frozen=True)
class _Found:
    """The whole records in some bytes: arrays of where they start and end, and of their numbers of fields."""

    starts: np.ndarray
    ends: np.ndarray
    fields: np.ndarray
    bytes: int

    def misfits(self, position: int, fields: int | None) -> list[Span]:
        if fields is None:
            return []
        at = np.flatnonzero(self.fields != fields)
        pairs = zip(self.starts[at].tolist(), self.ends[at].tolist(), strict=True)
        return [Span(position + start, position + end) for start, end in pairs]


def _records(text: bytes) -> _Found:
    """The records that end in a text that starts with one. A record ends at a line feed outside quotes."""
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = data == ord(QUOTE)
    outside = (np.cumsum(quotes, dtype=np.uint8) & 1) == 0
    ends = np.flatnonzero((data == ord(LINE_FEED)) & outside) + 1
    commas = np.flatnonzero((data == ord(DELIMITER)) & outside)
    starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    fields = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
    is_blank = (ends - starts == 1) | ((ends - starts == 2) & (data[starts] == CARRIAGE_RETURN))
    kept = ~is_blank
    return _Found(starts[kept], ends[kept], fields[kept], int(ends[-1]) if len(ends) else 0)
