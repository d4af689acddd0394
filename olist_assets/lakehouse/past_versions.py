"""Earlier versions of a table: their rows, sizes, null rates and columns, from the Delta log alone."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deltalake.exceptions import DeltaError

from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.reader_features import ForeignFiles
from olist_assets.lakehouse.schemas import Shape, shape
from olist_assets.lakehouse.statistics import statistics

# Each version read costs 6 ms per table, and older versions say little about what is usual now.
VERSIONS_READ = 8
# Operations that change no row: counted as versions, they would make real changes look rare.
NO_WRITE = {
    "CREATE TABLE", "REPLACE TABLE", "ADD COLUMNS", "SET TBLPROPERTIES", "OPTIMIZE", "VACUUM START", "VACUUM END",
}  # fmt: skip


@dataclass(frozen=True)
class PastVersion:
    """A version of a table; `nulls` is the null rate, 0 to 1, of each column whose nulls the log counts."""

    version: int
    at: datetime
    rows: int
    files: int
    bytes: int
    nulls: dict[str, float]
    shape: Shape


def past_versions(path: Path, before: int, limit: int = VERSIONS_READ) -> list[PastVersion]:
    """The last versions below `before` that wrote rows and can still be read from the log, oldest first."""
    found: list[PastVersion] = []
    for commit in delta_log.commits(path):
        if len(found) == limit:
            break
        is_write = (commit.info or {}).get("operation") not in NO_WRITE
        if commit.version < before and is_write and delta_log.reaches(path, commit.version):
            # Skip unreadable versions; `olist history` reports them.
            with suppress(DeltaError, OSError, ForeignFiles):
                found.append(_past_version(path, commit))
    return found[::-1]


def write_times(path: Path, limit: int) -> list[datetime]:
    """When the last commits that wrote rows were made, oldest first, as far as the log still has them."""
    times = []
    for commit in delta_log.commits(path):
        if len(times) == limit:
            break
        if commit.info and commit.info.get("operation") not in NO_WRITE:
            times.append(commit.at)
    return sorted(times)


def has_changed_since(path: Path, version: int) -> bool:
    """Whether a later commit added or removed rows, as a merge without effect and the joining of files do not.

    A commit that the log has no more, or that cannot be read, may have.
    """
    later = [commit for commit in delta_log.commits(path) if commit.version > version]
    is_complete = not later or later[-1].version == version + 1
    return not is_complete or any(commit.actions is None or commit.changes_rows for commit in later)


def _past_version(path: Path, commit: delta_log.Commit) -> PastVersion:
    table = open_delta(path, commit.version)
    found = statistics(table)
    nulls = null_rates(found.rows, found.nulls)
    return PastVersion(commit.version, commit.at, found.rows, found.files, found.bytes, nulls, shape(table))


def null_rates(rows: int, nulls: dict[str, int]) -> dict[str, float]:
    """Nulls by column as a share of the rows; empty for a table without rows."""
    return {name: count / rows for name, count in nulls.items()} if rows else {}
