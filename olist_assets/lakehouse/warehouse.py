"""The warehouse: tables by name, opened at any of their versions, and SQL over them. No engine, no Dagster."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.quoting import identifier
from olist_assets.errors import OlistError
from olist_assets.lakehouse import delta_log, sql
from olist_assets.lakehouse.locks import lock
from olist_assets.lakehouse.object_store import open_delta, store_errors
from olist_assets.lakehouse.reader_features import require_known_features, require_plain_files
from olist_assets.lakehouse.statistics import data_files, missing_files
from olist_assets.settings import Settings


class TableMissing(OlistError):
    """The table has never been written."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(f"Table {name} does not exist yet ({path}). Make it with: olist materialize --select {name}")


class NotWrittenYet(TableMissing):
    """The table had no data yet at the version or time asked for."""

    def __init__(self, name: str, when: str) -> None:
        OlistError.__init__(self, f"Table {name} had no data yet {when}. Its versions: olist history {name}")


class TableBroken(OlistError):
    """The table's log cannot be read."""

    def __init__(self, name: str, path: Path, why: str) -> None:
        last = delta_log.last_readable(path)
        file = delta_log.broken_file(path, last)
        problem = f"Table {name} ({path}) cannot be opened: {f'{file}: ' if file else ''}{why.splitlines()[0]}."
        if last is None or delta_log.commit(path, last).only_creates:
            super().__init__(f"{problem} No version of it can: move the folder away and make the table again.")
            return
        # Without a broken checkpoint, which repeats the commits, all commits can be read again.
        version = delta_log.commits(path)[0].version if file and delta_log.is_checkpoint(Path(file)) else last
        super().__init__(
            f"{problem} Its last readable version is {last}; repair it with: olist restore {name} --version {version}"
        )


Opener = Callable[[str], DeltaTable]


@dataclass(frozen=True)
class Warehouse:
    """The tables of the catalog under the settings' warehouse."""

    settings: Settings
    catalog: Catalog
    storage_options: Mapping[str, str] = field(default_factory=dict)
    """Options of deltalake that override those of the environment."""

    @property
    def root(self) -> Path:
        return self.settings.warehouse_path

    def with_storage_options(self, options: Mapping[str, str]) -> "Warehouse":
        return replace(self, storage_options=options)

    def path(self, name: str) -> Path:
        """The folder of a table: <warehouse>/<layer>/<table>."""
        return self.root / self.catalog.layer_of(name) / name

    def open(self, name: str, version: int | None = None) -> DeltaTable:
        """A table at a version, the newest by default.

        Raises TableMissing, TableBroken naming the unreadable file, ForeignFiles for a table that deltalake cannot
        open, and OlistError for a version that does not exist.
        """
        path = self.path(name)
        if version is not None:
            _require_version(name, path, version)
        try:
            table = open_delta(path, version, self.storage_options)
        except TableNotFoundError as error:
            _require_access(path)
            raise TableMissing(name, path) from error
        except (DeltaError, OSError) as error:
            require_known_features(path)
            raise TableBroken(name, path, str(error)) from error
        newest = delta_log.commit(path, table.version())
        if newest.is_empty:
            raise TableBroken(name, path, "the file is empty")
        if newest.only_creates:
            # A failed first write, or a failed write that changed the schema, leaves only this commit.
            raise TableMissing(name, path)
        if version is not None and (gone := missing_files(table)):
            raise OlistError(
                f"Version {version} of {name} cannot be read any more: {len(gone)} of its data files are gone "
                f"(vacuumed?), for example {gone[0]}."
            )
        return table

    def existing_tables(
        self, names: Iterable[str] | None = None, opener: Opener | None = None
    ) -> dict[str, DeltaTable]:
        """The tables, of these names or of the whole catalog, that have been written, by name."""
        found: dict[str, DeltaTable] = {}
        for name in self.catalog.tables if names is None else names:
            with suppress(TableMissing):
                found[name] = (opener or self.open)(name)
        return found

    def version_before(self, name: str, version: int) -> DeltaTable | None:
        """The last version before one that has data and can still be read; None where there is none."""
        earlier = [c.version for c in delta_log.commits(self.path(name)) if c.version < version]
        for candidate in earlier:
            with suppress(OlistError):
                table = self.open(name, candidate)
                require_plain_files(table)
                return table
        return None

    @contextmanager
    def sql(self, tables: Mapping[str, DeltaTable] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB session with one view per table, by bare name, over exactly the files of the opened version."""
        with sql.session(self.settings) as con:
            for name, table in (tables or {}).items():
                sql.create_view(con, name, table, data_files(table))
            yield con

    def rows(self, table: DeltaTable, *columns: str, where: str = "true") -> pa.Table:
        """The rows of a table for which the predicate holds, with these columns or all. Raises ForeignFiles."""
        # deltalake's `to_pyarrow_table` refuses features that a table has and does not use, and not all that it uses.
        with self.sql({"stored": table}) as con:
            names = ", ".join(map(identifier, columns)) or "*"
            return con.sql(f"SELECT {names} FROM stored WHERE {where}").to_arrow_table()

    def rows_by_day(self, table: DeltaTable, day: str, predicate: str = "true") -> dict[str, int]:
        """Rows per day (ISO date) of those rows for which the predicate holds; days without rows are left out."""
        with self.sql({"rows_by_day": table}) as con:
            query = f"SELECT CAST({identifier(day)} AS VARCHAR), count(*) FROM rows_by_day WHERE {predicate} GROUP BY 1"
            return dict(con.execute(query).fetchall())

    def lock(self, path: Path, purpose: str) -> AbstractContextManager[None]:
        """Hold the table at a path while it is changed. Raises OlistError after the settings' timeout."""
        return lock(path, self._lock_folder(path), self.settings.lock_timeout, purpose)

    def _lock_folder(self, path: Path) -> Path:
        """Beside a table on a disk; for a table in an object store a folder of this machine."""
        if isinstance(path, Path):
            return path.parent
        return self.settings.cache / "locks" / sha256(str(path.parent).encode()).hexdigest()[:16]

    def require_writable(self) -> None:
        """Create the warehouse's folder if it does not exist. Raises OlistError where nothing can be written to it."""
        # Permission bits are not enough: a file system mounted read-only refuses only the write itself.
        probe = self.root / f".writable-{uuid.uuid4().hex}"
        try:
            if not self.settings.is_in_object_store:
                self.root.mkdir(parents=True, exist_ok=True)
            probe.write_text("")
            probe.unlink()
        except ImportError as error:
            raise OlistError(
                f"A warehouse in S3 needs the extra s3: pip install 'olist-assets[s3]' ({error})."
            ) from error
        except (OSError, *store_errors()) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise OlistError(f"Cannot write to the warehouse {self.root}: {why}. Set OLIST_WAREHOUSE.") from error


def _require_access(path: Path) -> None:
    """Raises OlistError for a table on a disk that may not be read; to deltalake, it does not exist."""
    if not isinstance(path, Path):
        return
    try:
        delta_log.log_folder(path).exists()
    except PermissionError as error:
        raise OlistError(f"{path} cannot be read: {error.strerror}. Its owner decides who may.") from error


def _require_version(name: str, path: Path, version: int) -> None:
    versions = [commit.version for commit in delta_log.commits(path)]
    if not versions:
        raise TableMissing(name, path)
    if version not in versions or not delta_log.reaches(path, version):
        why = f"its newest is {versions[0]}" if version > versions[0] else "its log does not reach back that far"
        raise OlistError(f"Table {name} has no version {version}: {why}. Its versions: olist history {name}")
    if delta_log.commit(path, version).only_creates:
        raise NotWrittenYet(name, "at version 0")
