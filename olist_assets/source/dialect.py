"""The one CSV dialect of the source files, for DuckDB, Spark and the record count: RFC 4180 with LF or CRLF."""

from pathlib import Path
from typing import Any

import numpy as np

from olist_assets.contracts.quoting import literal

DELIMITER, QUOTE, LINE_FEED = ",", '"', "\n"
CHUNK_BYTES = 8 << 20
# Spark finds neither the line end nor doubled quotes by itself.
SPARK_OPTIONS: dict[str, Any] = {
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


def line_end(path: Path) -> str:
    """The line end of the header. With it Spark keeps line breaks inside quoted fields as they are."""
    with path.open("rb") as opened:
        return "\r\n" if opened.readline().endswith(b"\r\n") else LINE_FEED


def record_count(path: Path) -> int:
    """Records after the header: line ends outside quotes; blank lines do not count. Reads the file once, in chunks."""
    records, inside, last_was_newline = 0, 0, True
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            data = np.frombuffer(chunk.replace(b"\r", b""), dtype=np.uint8)
            parity = (np.cumsum(data == ord(QUOTE)) + inside) & 1
            newline = (data == ord(LINE_FEED)) & (parity == 0)
            previous = np.concatenate(([last_was_newline], newline[:-1]))
            records += int(np.count_nonzero(newline & ~previous))
            if len(data):
                inside, last_was_newline = int(parity[-1]), bool(newline[-1])
    return records - 1 + (not last_was_newline)
