"""DuckDB's connections: the package has no other way to one. Imports nothing that a small process does not need."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

MIB = 1 << 20
# Temporary files of one connection, as a multiple of its memory: a query must not fill the disk.
SPILL_FACTOR = 16


@contextmanager
def connection(memory: int, spill: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own with this many bytes of memory, UTC and no progress bar.

    DuckDB creates and removes the folder `spill` for larger results as needed; without one, they are an error.
    """
    limits: dict[str, Any] = {
        # DuckDB's own limit is most of the machine's memory, and its temporary files go to the working directory, which
        # every query may read and write even where it has no access to files.
        "memory_limit": f"{memory // MIB}MiB",
        "temp_directory": str(spill or ""),
        "max_temp_directory_size": f"{SPILL_FACTOR * memory // MIB}MiB",
    }
    with duckdb.connect(config=limits) as con:
        con.execute("SET TimeZone = 'UTC'")
        # The bar would be printed on standard output, among a query's rows.
        con.execute("SET enable_progress_bar = false")
        yield con
