"""A table's versions: what each commit did, opening an earlier one, comparing two."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.catalog import table, tables
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import NothingYet, Opener, TableMissing, mentioned, open_table, table_path
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.settings import Settings
from olist_assets.lakehouse.table_diff import Diff, diff

# The same figures as Spark and as delta-rs call them.
WRITTEN = ("numOutputRows", "num_added_rows")
DELETED = ("numDeletedRows", "num_deleted_rows")
SHOWN_BY_THEMSELVES = ("run_id", "partitions")


@dataclass(frozen=True)
class Version:
    """One commit as its writer tells of it; None where it does not."""

    path: Path
    version: int
    at: datetime
    operation: str | None
    who: str | None
    run_id: str | None
    partitions: str | None
    written: int | None
    deleted: int | None
    notes: str

    @cached_property
    def rows(self) -> int | None:
        """Those of the whole table after it, by the log's file statistics, which a writer may leave out."""
        if not delta_log.reaches(self.path, self.version):
            return None
        try:
            actions = open_delta(self.path, self.version).get_add_actions()
        except DeltaError:
            return None
        counts = pa.table(actions)["num_records"].to_pylist()
        return None if None in counts else sum(counts)


def history(settings: Settings, name: str, limit: int) -> list[Version]:
    """The newest versions of a table, the newest first, also where the newest cannot be read."""
    path = table_path(settings, table(name).name)
    found = delta_log.commits(path)
    if not found:
        raise TableMissing(name, path)
    return [_version(path, commit) for commit in found[:limit]]


def _version(path: Path, commit: delta_log.Commit) -> Version:
    info = commit.info or {}
    said = _said(info)
    metrics = info.get("operationMetrics") or {}
    return Version(
        path=path,
        version=commit.version,
        at=commit.at,
        operation=info.get("operation"),
        who=_who(info),
        run_id=_text(said.get("run_id")),
        partitions=_text(said.get("partitions")),
        written=_figure(metrics, WRITTEN),
        deleted=_figure(metrics, DELETED),
        notes="cannot be read" if commit.info is None or commit.is_empty else _notes(said),
    )


def _said(info: dict[str, Any]) -> dict[str, Any]:
    """The commit's userMetadata: ours is a JSON object, others may have written any text."""
    text = info.get("userMetadata")
    try:
        said = json.loads(text or "{}")
    except (TypeError, ValueError):
        said = text
    said = said if isinstance(said, dict) else {"said": said}
    if info.get("operation") == "RESTORE":
        # Spark says so itself, whoever restored the table and by which command.
        said.setdefault("restored_version", (info.get("operationParameters") or {}).get("version"))
    return said


def _notes(said: dict[str, Any]) -> str:
    told = {key: value for key, value in said.items() if value is not None and key not in SHOWN_BY_THEMSELVES}
    return "; ".join(f"{key}: {value}" for key, value in told.items())


def _who(info: dict[str, Any]) -> str | None:
    engine = info.get("engineInfo") or info.get("clientVersion") or ""
    return " ".join(filter(None, (info.get("userName"), *engine.split()[:1]))) or None


def _figure(metrics: dict[str, Any], names: tuple[str, ...]) -> int | None:
    found = next((str(metrics[name]) for name in names if name in metrics), "")
    return int(found) if found.isdigit() else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def schema_versions(settings: Settings, name: str) -> list[int]:
    """The versions that changed the columns' names, types, order or nullability, the oldest first.

    The first is the one that made the table, as far as its log still tells. Comments change nothing.
    """
    found, columns = [], None
    for commit in reversed(delta_log.commits(table_path(settings, table(name).name))):
        if commit.schema and commit.schema != columns:
            found.append(commit.version)
            columns = commit.schema
    return found


def at_version(query: str, version: int) -> Opener:
    """Opens the one table that a query names at a version. Raises OlistError for a query that names more or none."""
    names = mentioned(query, tables())
    if len(names) != 1:
        said = f"names {', '.join(names)}" if names else "names no table"
        raise OlistError(f"A version is one table's own and the query {said}. For a common point in time: --as-of")
    return lambda settings, name: open_table(settings, name, version)


def at_time(moment: datetime) -> Opener:
    """Opens each table at its last version committed at or before the moment; NothingYet where there is none."""

    def opener(settings: Settings, name: str) -> DeltaTable:
        path = table_path(settings, name)
        found = delta_log.commits(path)
        if not found:
            raise TableMissing(name, path)
        version = next((commit.version for commit in found if commit.at <= moment), 0)
        if version == 0:
            raise NothingYet(name, f"at {moment:%Y-%m-%d %H:%M:%S} UTC")
        return open_table(settings, name, version)

    return opener


def compare(settings: Settings, name: str, old: int, new: int, limit: int) -> Diff:
    """What differs between two versions of a table, with up to `limit` sample rows of each kind."""
    contract = table(name)
    return diff(contract, open_table(settings, name, old), open_table(settings, name, new), limit)
