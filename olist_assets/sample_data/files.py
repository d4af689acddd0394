"""The nine files: names, headers, field formats, and a writer whose files appear only when they are complete."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from olist_assets.contracts.source_files import SOURCES
from olist_assets.sample_data.streams import Bools, Ints

Row = tuple[str, ...]

FILES = {table: source.name for table, source in SOURCES.items()}
HEADERS: dict[str, Row] = {table: source.columns for table, source in SOURCES.items()}

# The published reviews and translations have Windows line ends; the other files do not.
_CRLF = {"order_reviews", "product_category_translation"}
_BOM_AND_PLAIN_HEADER = {"product_category_translation"}

# The files that this package wrote and their digests, as `sha256sum` lists them.
DIGESTS = ".olist-sample.sha256"


def text_field(text: str) -> str:
    """`text` as one CSV field, quoted by the published files' rule."""
    needs_quotes = text[:1].isdigit() or any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


def money_fields(cents: Ints) -> list[str]:
    """Amounts with two decimals."""
    return [f"{amount // 100}.{amount % 100:02d}" for amount in cents.tolist()]


def timestamp_fields(seconds: Ints, present: Bools | None = None) -> list[str]:
    """Seconds since 1970 as `YYYY-MM-DD HH:MM:SS`, empty where `present` is false."""
    characters = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s").astype("S19")
    characters.view(np.uint8).reshape(-1, 19)[:, 10] = ord(" ")
    texts: list[str] = characters.astype("U19").tolist()
    if present is None:
        return texts
    return [text if kept else "" for text, kept in zip(texts, present.tolist(), strict=True)]


class TableFile:
    """One file being written under a temporary name, until `publish` gives it its final one."""

    def __init__(self, directory: Path, table: str) -> None:
        self.table = table
        self.rows = 0
        self._path = directory / FILES[table]
        self._part = directory / f".{FILES[table]}.part"
        self._line_end = "\r\n" if table in _CRLF else "\n"
        # A chunk consists of many small lines.
        self._file = self._part.open("w", encoding="utf-8", newline="", buffering=1 << 20)
        if table in _BOM_AND_PLAIN_HEADER:
            self._file.write("\ufeff" + ",".join(HEADERS[table]) + self._line_end)
        else:
            self._file.write(",".join(f'"{name}"' for name in HEADERS[table]) + self._line_end)

    def write(self, rows: Iterable[Row]) -> None:
        """Append records whose fields are already quoted."""
        lines = [",".join(row) for row in rows]
        if lines:
            self._file.write(self._line_end.join(lines) + self._line_end)
            self.rows += len(lines)

    def write_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """Append records, given as one list per column."""
        self.write(zip(*columns, strict=True))

    def close(self) -> None:
        """Finish the temporary file."""
        self._file.close()

    def publish(self) -> None:
        """Give the closed file its final name."""
        self._part.replace(self._path)

    @property
    def digest(self) -> str:
        """The digest of the closed file."""
        return _digest(self._part)

    def discard(self) -> None:
        """Remove the temporary file, if it still exists."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def foreign_files(directory: Path) -> list[str]:
    """The names of the dataset's files in a directory that this package did not write, or that were changed since."""
    try:
        listed = (line.split(maxsplit=1) for line in (directory / DIGESTS).read_text().splitlines())
        known = {name: digest for digest, name in listed}
    except (OSError, ValueError):
        known = {}
    existing = [name for name in FILES.values() if (directory / name).exists()]
    return [name for name in existing if known.get(name) != _digest(directory / name)]


def store_digests(directory: Path, files: Iterable[TableFile]) -> None:
    """List closed files as written by this package."""
    (directory / DIGESTS).write_text("".join(f"{file.digest}  {FILES[file.table]}\n" for file in files))


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
