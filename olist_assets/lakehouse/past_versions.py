"""What a table was: the figures of its versions, from the Delta log alone."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deltalake.exceptions import DeltaError

from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.schemas import Shape, shape

# More cost 6 ms each a table, and say little of what is usual now.
VERSIONS_READ = 8
# Commits that change no row: they would make every other change look rare.
NO_WRITE = {
    "CREATE TABLE", "REPLACE TABLE", "ADD COLUMNS", "SET TBLPROPERTIES", "OPTIMIZE", "VACUUM START", "VACUUM END",
}  # fmt: skip


@dataclass(frozen=True)
class Past:
    """A version of a table; `nulls` is a rate by column, 0 to 1, of those columns whose nulls the log counts."""

    version: int
    at: datetime
    rows: int
    files: int
    bytes: int
    nulls: dict[str, float]
    shape: Shape


def earlier(path: Path, before: int, limit: int = VERSIONS_READ) -> list[Past]:
    """The last versions below `before` that wrote rows and that the log still has whole, the oldest first."""
    found: list[Past] = []
    for commit in delta_log.commits(path):
        if len(found) == limit:
            break
        is_write = (commit.info or {}).get("operation") not in NO_WRITE
        if commit.version < before and is_write and delta_log.reaches(path, commit.version):
            # A version that cannot be read is no news here: `olist history` and opening the table tell of it.
            with suppress(DeltaError, OSError):
                found.append(_past(path, commit))
    return found[::-1]


def _past(path: Path, commit: delta_log.Commit) -> Past:
    table = open_delta(path, commit.version)
    figures = lakehouse.statistics(table)
    rates = null_rates(figures["rows"], figures["nulls"])
    return Past(commit.version, commit.at, figures["rows"], figures["files"], figures["bytes"], rates, shape(table))


def null_rates(rows: int, nulls: dict[str, int]) -> dict[str, float]:
    """Nulls by column as rates of the rows; none of a table without rows."""
    return {name: count / rows for name, count in nulls.items()} if rows else {}
