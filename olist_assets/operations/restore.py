"""Restoring an earlier version of a table by a new commit, and repairing a log whose newest entry is broken."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from deltalake import DeltaTable

from olist_assets.contracts.table import Table
from olist_assets.governance import audit_log
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.reader_features import has_plain_files, require_plain_files
from olist_assets.lakehouse.statistics import missing_files, statistics
from olist_assets.lakehouse.table_diff import diff
from olist_assets.lakehouse.warehouse import TableBroken, Warehouse
from olist_assets.operations.platform import Platform
from olist_assets.orchestration.runless import report_written

Report = Callable[[str], None]
"""Called with a line of text for each step."""


@dataclass(frozen=True)
class Restored:
    """The newest version and its rows before and after a restore, and the days whose rows changed.

    The rows before are None where they are not those of the files, and so only Spark can count them.
    """

    version_before: int
    version: int
    rows_before: int | None
    rows: int
    days: tuple[date, ...]


def restore(platform: Platform, name: str, version: int, report: Report) -> Restored:
    """Make a table's content that of an earlier version by a new commit, and report it to Dagster.

    If the newest entries of its log cannot be read, their files are renamed first. Raises OlistError.
    """
    warehouse, contract = platform.warehouse, platform.catalog.table(name)
    with platform.instance() as storage, warehouse.lock(warehouse.path(name), f"olist restore {name}"):
        repaired = _repair(warehouse, name, version, report)
        target, before = warehouse.open(name, version), warehouse.open(name)
        require_plain_files(target)
        days: tuple[date, ...] = ()
        if version != before.version():
            days = _changed_days(warehouse, contract, before, target)
            report(f"Restoring {name} to version {version}.")
            platform.engine.restore(warehouse.path(name), version, user_metadata(restored_version=version))
        after = warehouse.open(name)
        if repaired or after.version() != before.version():
            report_written(storage, warehouse, contract, after, days, restored_version=version)
        audit_log.record_or(
            report, warehouse, "restore", [name], rows=statistics(after).rows,
            statement=f"to version {version} as version {after.version()}",
        )  # fmt: skip
    rows_before = statistics(before).rows if has_plain_files(before) else None
    rows = statistics(after).rows
    return Restored(before.version(), after.version(), rows_before, rows, days)


def _repair(warehouse: Warehouse, name: str, version: int, report: Report) -> bool:
    """Make the last readable version the newest by renaming files of the log; returns whether that was needed."""
    try:
        warehouse.open(name)
    except TableBroken:
        path = warehouse.path(name)
    else:
        return False
    moved = delta_log.set_aside(filter(delta_log.is_checkpoint, _files_after_readable(path)))
    # Checked before any commit is renamed: those could not be made again.
    warehouse.open(name, version)
    moved += delta_log.set_aside(_files_after_readable(path))
    report(f"Set aside in {delta_log.log_folder(path)}: {', '.join(moved)}.")
    return True


def _files_after_readable(path: Path) -> list[Path]:
    return delta_log.files_after(path, delta_log.last_readable(path))


def _changed_days(warehouse: Warehouse, table: Table, before: DeltaTable, target: DeltaTable) -> tuple[date, ...]:
    if table.day is None:
        return ()
    if missing_files(before) or not has_plain_files(before):
        # The newest version cannot be read, so any day may differ from it.
        return tuple(map(date.fromisoformat, sorted(warehouse.rows_by_day(target, table.day))))
    return diff(warehouse, table, before, target).days
