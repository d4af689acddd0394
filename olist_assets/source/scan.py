"""The records of a CSV file, found in one pass: where they end, how many there are, and which do not fit.

A record ends at a line feed or a carriage return outside quotes, whichever a line ends with. A quote opens at the start
of a field and closes at its end, and is doubled in between (RFC 4180); at any other place programs read it differently.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

DELIMITER, QUOTE, LINE_FEED, CARRIAGE_RETURN = b',"\n\r'
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_VALUE = b', "\t'
CHUNK_BYTES, MAX_RECORD_BYTES, MAX_HEADER_BYTES = 8 << 20, 128 << 20, 1 << 20
LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")
KINDS = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}
# By byte: whether it may stand before a quote that opens, or after one that closes; and whether it is part of a value.
BESIDE_QUOTES = np.isin(np.arange(256), [DELIMITER, LINE_FEED, CARRIAGE_RETURN, QUOTE])
IS_VALUE = ~np.isin(np.arange(256), [*NO_VALUE, LINE_FEED, CARRIAGE_RETURN])


class StrayQuote(Exception):
    """A quote at a place where programs read it differently: the byte at which its field starts, and what is wrong."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position, self.problem = position, problem


@dataclass(frozen=True)
class Span:
    """Bytes of a file, from `start` to before `end`."""

    start: int
    end: int


@dataclass
class Scan:
    """What a file holds."""

    body: int
    """The byte after the header's line."""
    records: int = 0
    """Records after the header, misfits included."""
    misfits: list[Span] = field(default_factory=list)
    """Records with another number of fields than expected, without their line ends."""
    valueless: int = 0
    """Lines of delimiters, quotes and spaces only, or of nothing."""
    line_ends: Counter[str] = field(default_factory=Counter)
    """The line ends outside quotes by kind, that of the header included."""


def header_line(path: Path) -> tuple[bytes, Scan]:
    """The first line with a value, without its end, and the scan of the lines so far; nothing if there is none."""
    with path.open("rb") as opened:
        text = opened.read(MAX_HEADER_BYTES)
    position, found = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0, Scan(0)
    while line := LINE.match(text, position):
        content, end = line.groups()
        position = line.end()
        found.line_ends.update([KINDS[end]] if end else [])
        if content.strip(NO_VALUE):
            found.body = position
            return content, found
        if not end:
            break
        found.valueless += 1
    return b"", found


def scan(path: Path, fields: int) -> Scan:
    """Read a file once; its records should have so many fields. Raises StrayQuote."""
    _, found = header_line(path)
    for chunk in _chunks(path, found.body):
        records = chunk.records
        found.records += len(records.starts)
        at = np.flatnonzero(records.fields != fields)
        pairs = zip(records.starts[at].tolist(), records.ends[at].tolist(), strict=True)
        found.misfits += [Span(chunk.position + start, chunk.position + end) for start, end in pairs]
        found.valueless += chunk.lines - len(records.starts)
        found.line_ends.update(chunk.line_ends)
    return found


def write_plain(path: Path, found: Scan, target: Path, header: str) -> None:
    """A copy with this header and line feeds at the ends of its records, without misfits and lines without a value."""
    left_out = {span.start for span in found.misfits}
    with target.open("wb") as copy:
        copy.write(header.encode() + b"\n")
        for chunk in _chunks(path, found.body):
            copy.writelines(chunk.plain(left_out))


@dataclass(frozen=True)
class _Records:
    """The records with a value in a chunk: arrays of where they start and end, and of their numbers of fields."""

    starts: np.ndarray
    ends: np.ndarray
    fields: np.ndarray


@dataclass(frozen=True)
class _Chunk:
    """Whole lines of a file, and the position of the first one."""

    position: int
    text: bytes
    is_cut: bool = False
    """Whether the file ends without a line end, and the text has one that the file lacks."""

    @cached_property
    def _data(self) -> np.ndarray:
        return np.frombuffer(self.text, dtype=np.uint8)

    @cached_property
    def _is_outside(self) -> np.ndarray:
        if b'"' not in self.text:
            return np.ones(len(self._data), dtype=bool)
        return (np.cumsum(self._data == QUOTE, dtype=np.uint8) & 1) == 0

    @cached_property
    def _line_ends(self) -> np.ndarray:
        """The last byte of each line end outside quotes."""
        is_end = self._data == LINE_FEED
        if b"\r" in self.text:
            is_return = self._data == CARRIAGE_RETURN
            is_return[:-1] &= ~is_end[1:]
            is_end = is_end | is_return
        return np.flatnonzero(is_end & self._is_outside)

    @property
    def lines(self) -> int:
        return len(self._line_ends)

    @cached_property
    def _is_crlf(self) -> np.ndarray:
        before = self._data[self._line_ends - 1]
        return (self._data[self._line_ends] == LINE_FEED) & (before == CARRIAGE_RETURN) & (self._line_ends > 0)

    @property
    def line_ends(self) -> dict[str, int]:
        returns = int((self._data[self._line_ends] == CARRIAGE_RETURN).sum())
        both = int(self._is_crlf.sum())
        kinds = {"CR": returns, "CRLF": both, "LF": self.lines - both - returns - self.is_cut}
        return {kind: count for kind, count in kinds.items() if count}

    @cached_property
    def records(self) -> _Records:
        starts = np.concatenate(([0], self._line_ends[:-1] + 1)) if self.lines else self._line_ends
        ends = self._line_ends - self._is_crlf
        # A line that starts with two bytes of a value has one: the others, which are few, are looked at one by one.
        is_doubtful = ~(IS_VALUE[self._data[starts]] | IS_VALUE[self._data[np.minimum(starts + 1, ends)]])
        has_value = ends > starts
        for at in np.flatnonzero(is_doubtful & has_value):
            has_value[at] = has_a_value(self.text[starts[at] : ends[at]])
        delimiters = np.flatnonzero((self._data == DELIMITER) & self._is_outside)
        fields = np.diff(np.searchsorted(delimiters, self._line_ends), prepend=0) + 1
        return _Records(starts[has_value], ends[has_value], fields[has_value])

    def plain(self, left_out: set[int]) -> Iterator[bytes]:
        """The records, but those that start at these positions of the file, each with a line feed."""
        pairs = zip(self.records.starts.tolist(), self.records.ends.tolist(), strict=True)
        return (self.text[start:end] + b"\n" for start, end in pairs if self.position + start not in left_out)


def has_a_value(record: bytes) -> bool:
    """Whether any field has more than spaces."""
    return any(field.strip() for field in next(csv.reader(StringIO(record.decode(), newline=""))))


def _chunks(path: Path, position: int) -> Iterator[_Chunk]:
    """A file from a position in chunks of whole lines; the last has a line end in any case. Raises StrayQuote."""
    rest = b""
    with path.open("rb") as opened:
        opened.seek(position)
        while data := _more(opened, rest):
            _require_regular_quotes(data, position)
            # A carriage return at the end may be the first half of a line end.
            length = _whole_lines(data[:-1] if data.endswith(b"\r") else data)
            if length:
                yield _Chunk(position, data[:length])
            elif len(data) > MAX_RECORD_BYTES:
                raise StrayQuote(position + data.index(b'"'), "a quote is opened and not closed")
            position, rest = position + length, data[length:]
    if rest:
        last = rest if rest.endswith(b"\r") else rest + b"\n"
        _require_regular_quotes(last, position)
        if last.count(b'"') % 2:
            raise StrayQuote(position + last.rindex(b'"'), "a quote is opened and not closed")
        yield _Chunk(position, last, is_cut=last != rest)


def _more(opened: BinaryIO, rest: bytes) -> bytes:
    chunk = opened.read(CHUNK_BYTES)
    return rest + chunk if chunk else b""


def _whole_lines(data: bytes) -> int:
    """The length of the lines that end in the data, outside quotes."""
    is_inside, end = data.count(b'"') % 2, len(data)
    while at := max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1:
        is_inside ^= data.count(b'"', at, end) % 2
        if not is_inside:
            return at
        end = at - 1
    return 0


def _require_regular_quotes(text: bytes, position: int) -> None:
    """Raises StrayQuote for the first quote that is neither at an end of its field nor doubled."""
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(data == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    is_wrong = np.zeros(len(quotes), dtype=bool)
    is_wrong[::2] = ~BESIDE_QUOTES[data[opening - 1]] & (opening > 0)
    # What follows the last byte is not known yet.
    is_wrong[1::2] = ~BESIDE_QUOTES[data[np.minimum(closing + 1, len(data) - 1)]]
    if not is_wrong.any():
        return
    at = int(np.argmax(is_wrong))
    stray, start = int(quotes[at]), at
    if at % 2 == 0:
        problem = "a quote stands inside a field that does not start with one"
    else:
        problem = "a quote is opened and not closed where its field ends"
        start = at - 1
        while start >= 2 and quotes[start - 1] == quotes[start] - 1:  # a doubled quote
            start -= 2
    first = int(quotes[start])
    if b'\\"' in text[max(first - 1, 0) : stray + 1]:
        problem = 'a quote is escaped by a backslash (\\"), which CSV has not: it doubles quotes ("")'
    raise StrayQuote(position + first, problem)
