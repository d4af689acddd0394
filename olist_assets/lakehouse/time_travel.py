"""A table's versions: what each commit did, opening an earlier one, comparing two."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from olist_assets.errors import OlistError
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.commit_metadata import read_user_metadata
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.reader_features import ForeignFiles
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.statistics import file_actions
from olist_assets.lakehouse.table_diff import Diff, diff
from olist_assets.lakehouse.warehouse import NotWrittenYet, Opener, TableMissing, Warehouse

# The same metrics under the names of Spark and of delta-rs.
WRITTEN = ("numOutputRows", "num_added_rows")
DELETED = ("numDeletedRows", "num_deleted_rows")
OWN_FIELDS = ("run_id", "partitions", "code_version")


@dataclass(frozen=True)
class Version:
    """One commit of a table; None where the commit does not say."""

    path: Path
    version: int
    at: datetime
    operation: str | None
    who: str | None
    run_id: str | None
    partitions: str | None
    code_version: str | None
    written: int | None
    deleted: int | None
    notes: str

    @cached_property
    def rows(self) -> int | None:
        """Rows of the whole table after it, from the log's file statistics, which a writer may leave out."""
        if not delta_log.reaches(self.path, self.version):
            return None
        try:
            actions = file_actions(open_delta(self.path, self.version))
        except (DeltaError, ForeignFiles):
            return None
        counts = actions["num_records"].to_pylist()
        return None if None in counts else sum(counts)


def history(warehouse: Warehouse, name: str, limit: int) -> list[Version]:
    """The newest versions of a table, newest first, even if the newest cannot be read. Raises TableMissing."""
    path = warehouse.path(warehouse.catalog.table(name).name)
    found = delta_log.commits(path)
    if not found:
        raise TableMissing(name, path)
    return [_version(path, commit) for commit in found[:limit]]


def _version(path: Path, commit: delta_log.Commit) -> Version:
    info = commit.info or {}
    fields = _fields(info)
    metrics = info.get("operationMetrics") or {}
    return Version(
        path=path,
        version=commit.version,
        at=commit.at,
        operation=info.get("operation"),
        who=_who(info),
        run_id=_text(fields.get("run_id")),
        partitions=_text(fields.get("partitions")),
        code_version=_text(fields.get("code_version")),
        written=_metric(metrics, WRITTEN),
        deleted=_metric(metrics, DELETED),
        notes="cannot be read" if commit.info is None or commit.is_empty else _notes(fields),
    )


def _fields(info: dict[str, Any]) -> dict[str, Any]:
    fields = read_user_metadata(info.get("userMetadata"))
    if info.get("operation") == "RESTORE":
        # The writer records this itself, whoever restored the table and by which command.
        fields.setdefault("restored_version", (info.get("operationParameters") or {}).get("version"))
    return fields


def _notes(fields: dict[str, Any]) -> str:
    others = {key: value for key, value in fields.items() if value is not None and key not in OWN_FIELDS}
    return "; ".join(f"{key}: {value}" for key, value in others.items())


def _who(info: dict[str, Any]) -> str | None:
    engine = info.get("engineInfo") or info.get("clientVersion") or ""
    return " ".join(filter(None, (info.get("userName"), *engine.split()[:1]))) or None


def _metric(metrics: dict[str, Any], names: tuple[str, ...]) -> int | None:
    found = next((str(metrics[name]) for name in names if name in metrics), "")
    return int(found) if found.isdigit() else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def schema_versions(warehouse: Warehouse, name: str) -> list[int]:
    """The versions that changed the columns' names, types, order or nullability, oldest first.

    The first one created the table, as far back as the log reaches. A changed comment is no change of the schema.
    """
    found, columns = [], None
    for commit in reversed(delta_log.commits(warehouse.path(name))):
        if commit.schema and commit.schema != columns:
            found.append(commit.version)
            columns = commit.schema
    return found


def at_version(warehouse: Warehouse, query: str, version: int) -> Opener:
    """Opens the one table that a query names at a version; OlistError for a query that names several or none.

    It is raised when the first table is opened, so that the audit log has the query.
    """

    def opener(name: str) -> DeltaTable:
        names = tables_named(query, warehouse.catalog.tables)
        if len(names) != 1:
            found = f"names {', '.join(names)}" if names else "names no table"
            raise OlistError(
                f"A version belongs to one table and the query {found}. For a common point in time use --as-of."
            )
        return warehouse.open(name, version)

    return opener


def at_time(warehouse: Warehouse, moment: datetime) -> Opener:
    """Opens each table at its last version committed at or before the moment; NotWrittenYet where there is none."""

    def opener(name: str) -> DeltaTable:
        path = warehouse.path(name)
        found = delta_log.commits(path)
        if not found:
            raise TableMissing(name, path)
        last = next((commit for commit in found if commit.at <= moment), None)
        if last is None or last.only_creates:
            raise NotWrittenYet(name, f"at {moment:%Y-%m-%d %H:%M:%S} UTC")
        return warehouse.open(name, last.version)

    return opener


def compare(warehouse: Warehouse, name: str, old: int, new: int, limit: int) -> Diff:
    """The differences between two versions of a table, with up to `limit` sample rows of each kind."""
    contract = warehouse.catalog.table(name)
    return diff(warehouse, contract, warehouse.open(name, old), warehouse.open(name, new), limit)
