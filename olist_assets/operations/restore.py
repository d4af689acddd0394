"""Going back to an earlier version of a table by a new commit, and repairing a log whose newest entry is broken."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
from deltalake import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.catalog import table
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.orchestration.instance import instance
from olist_assets.lakehouse.warehouse import TableBroken, missing_files, open_table, rows_by_day, table_path
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.locks import table_lock
from olist_assets.engine.spark.session import Spark
from olist_assets.settings import Settings
from olist_assets.lakehouse.table_diff import diff

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What a restore did: the newest version and its rows before and after, and the days whose rows changed."""

    version_before: int
    version: int
    rows_before: int
    rows: int
    days: tuple[date, ...]


def restore(settings: Settings, name: str, version: int, tell: Tell) -> Restored:
    """Make a table's content that of an earlier version by a new commit, and let Dagster know.

    Where the newest entries of its log cannot be read, their files are renamed first. `tell` hears of each step.
    Raises OlistError.
    """
    contract = table(name)
    path = table_path(settings, name)
    with instance() as storage, table_lock(path, settings.lock_timeout, f"olist restore {name}"):
        repaired = _repair(settings, name, version, tell)
        target, before = open_table(settings, name, version), open_table(settings, name)
        days: tuple[date, ...] = ()
        if version != before.version():
            days = _days_changed(contract, before, target)
            tell(f"Restoring {name} to version {version} with Spark.")
            _commit(name, path, version)
        after = open_table(settings, name)
        if repaired or after.version() != before.version():
            _report(storage, contract, after, version, days)
        audit_log.record_or(
            tell, settings, "restore", [name], rows=statistics(after)["rows"],
            statement=f"to version {version} by version {after.version()}",
        )  # fmt: skip
    rows_before, rows = (statistics(opened)["rows"] for opened in (before, after))
    return Restored(before.version(), after.version(), rows_before, rows, days)


def _repair(settings: Settings, name: str, version: int, tell: Tell) -> bool:
    """Make the last readable version the newest, by renaming files of the log; whether that was needed."""
    try:
        open_table(settings, name)
    except TableBroken:
        path = table_path(settings, name)
    else:
        return False
    moved = delta_log.set_aside(filter(delta_log.is_checkpoint, _files_after_readable(path)))
    # Nothing that cannot be made again is touched for a version that cannot be restored.
    open_table(settings, name, version)
    moved += delta_log.set_aside(_files_after_readable(path))
    tell(f"Set aside in {delta_log.log_folder(path)}: {', '.join(moved)}.")
    return True


def _files_after_readable(path: Path) -> list[Path]:
    return delta_log.files_after(path, delta_log.last_readable(path))


def _days_changed(contract: Table, before: DeltaTable, target: DeltaTable) -> tuple[date, ...]:
    if contract.cluster_by is None:
        return ()
    if missing_files(before):
        # What the newest version held can no longer be said, and so which of its days are as they were.
        return tuple(map(date.fromisoformat, sorted(rows_by_day(target, contract.name, contract.cluster_by, "true"))))
    return diff(contract, before, target).days


def _commit(name: str, path: Path, version: int) -> None:
    """Delta's own RESTORE, by Spark: deltalake's refuses tables with clustering."""
    session = Spark().session
    session.conf.set(USER_METADATA, json.dumps({"run_id": None, "partitions": None, "restored_version": version}))
    try:
        session.sql(f"RESTORE TABLE delta.`{path}` TO VERSION AS OF {version}")
    except (PySparkException, Py4JJavaError) as error:
        raise OlistError(f"Spark cannot restore {name} to version {version}: {str(error).splitlines()[0]}") from error
    finally:
        session.conf.unset(USER_METADATA)


def _report(
    storage: dg.DagsterInstance, contract: Table, after: DeltaTable, version: int, days: tuple[date, ...]
) -> None:
    """A materialization in Dagster's event log: for a daily table, one of each day that changed."""
    figures = {"dagster/row_count": statistics(after)["rows"], "delta_version": after.version()}
    figures["restored_version"] = version
    if contract.cluster_by is None:
        storage.report_runless_asset_event(dg.AssetMaterialization(contract.name, metadata=figures))
        return
    rows = rows_by_day(after, contract.name, contract.cluster_by, "true")
    for day in map(str, days):
        metadata = {**figures, "dagster/partition_row_count": rows.get(day, 0)}
        storage.report_runless_asset_event(dg.AssetMaterialization(contract.name, partition=day, metadata=metadata))
