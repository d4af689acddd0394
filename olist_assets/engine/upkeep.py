"""Upkeep of the tables: small files joined in the order of their days, old files and old log entries removed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from olist_assets.engine.engine import WEEK_HOURS, Engine
from olist_assets.errors import OlistError
from olist_assets.governance import audit_log
from olist_assets.lakehouse.delta_log import log_folder
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Footprint:
    """Files and bytes of a table's newest version, those on disk for all its versions, and the files of its log."""

    files: int
    bytes: int
    files_on_disk: int
    bytes_on_disk: int
    log_files: int


OnDone = Callable[[str, Footprint, Footprint], None]
"""Called with a table's name and its footprint before and after."""


def maintain(
    warehouse: Warehouse,
    engine: Engine,
    on_done: OnDone,
    *,
    names: Iterable[str] = (),
    retention_hours: int = WEEK_HOURS,
    force: bool = False,
    cluster: bool = False,
) -> None:
    """Optimize, vacuum and clean the log of these tables; of all existing ones, and the audit log, if none is named.

    Files younger than `retention_hours` are kept. With `cluster` the daily tables are clustered by day, after which
    only Spark can write them. Raises OlistError for less than a week without `force`.
    """
    if retention_hours < WEEK_HOURS and not force:
        raise OlistError(
            f"Files younger than {WEEK_HOURS} hours may still be in use, by a run or as an older version; "
            f"removing those older than {retention_hours} hours needs --force."
        )
    if cluster:
        engine.require_clustering()
    named = tuple(names)
    existing = warehouse.existing_tables(named or warehouse.catalog.business_tables)
    for table in existing.values():
        require_plain_files(table)
        engine.require_writable(table)
    for name in existing:
        before, after = _maintain_table(warehouse, engine, name, retention_hours, cluster=cluster)
        files = f"files {before.files_on_disk} to {after.files_on_disk}, older than {retention_hours} hours removed"
        audit_log.record_or(audit_log.warn, warehouse, "maintain", [name], statement=files)
        on_done(name, before, after)
    if not named:
        audit_log.compact(warehouse)


def _maintain_table(
    warehouse: Warehouse, engine: Engine, name: str, retention_hours: int, *, cluster: bool
) -> tuple[Footprint, Footprint]:
    path, contract = warehouse.path(name), warehouse.catalog.table(name)
    with warehouse.lock(path, "maintenance"):
        before = footprint(warehouse, name)
        if cluster and contract.day:
            engine.cluster(path, contract)
        engine.optimize(path, contract)
        engine.vacuum(path, retention_hours)
        table = warehouse.open(name)
        # Entries older than the table's delta.logRetentionDuration (30 days) go once a checkpoint covers them.
        table.create_checkpoint()
        table.cleanup_metadata()
        return before, footprint(warehouse, name)


def footprint(warehouse: Warehouse, name: str) -> Footprint:
    """The current size of a table, old versions included."""
    newest = statistics(warehouse.open(name))
    path = warehouse.path(name)
    log = log_folder(path)
    on_disk = [file.stat().st_size for file in path.rglob("*.parquet") if log not in file.parents]
    log_files = sum(1 for file in log.iterdir() if file.is_file())
    return Footprint(newest.files, newest.bytes, len(on_disk), sum(on_disk), log_files)
