"""Upkeep of the tables: small files joined in the order of their days, old files and old log entries removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg
from pydantic import Field
from pyspark.sql import SparkSession

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.lakehouse.delta_log import log_folder
from olist_assets.errors import OlistError
from olist_assets.lakehouse.locks import table_lock
from olist_assets.engine.spark.session import Spark
from olist_assets.settings import Settings

# Delta's own safe minimum: what a running reader or a query of the past may still need.
WEEK_HOURS = 168
AGE_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@dataclass(frozen=True)
class Footprint:
    """What a table's newest version consists of, what lies on the disk for all its versions, and its log."""

    files: int
    bytes: int
    files_on_disk: int
    bytes_on_disk: int
    log_files: int


class MaintenanceConfig(dg.Config):
    """Which tables (none named: all that are made), and how old a file must be that is removed."""

    tables: list[str] = Field(default_factory=list)
    retention_hours: int = WEEK_HOURS
    force: bool = False


@dg.op(pool="maintenance", out=dg.Out(dg.Nothing))
def maintain_tables(context: dg.OpExecutionContext, config: MaintenanceConfig, spark: dg.ResourceParam[Spark]) -> None:
    """OPTIMIZE, VACUUM and log clean-up of each table, with files and bytes before and after as an observation."""
    for name, before, after in maintained(config, spark):
        figures = {
            f"{figure}_{when}": n for when, of in (("before", before), ("after", after)) for figure, n in of.items()
        }
        context.log_event(dg.AssetObservation(name, metadata=figures))


@dg.job(description="Join small files, remove old ones and old log entries.")
def maintenance() -> None:
    maintain_tables()


def maintained(config: MaintenanceConfig, spark: Spark) -> Iterator[tuple[str, dict[str, int], dict[str, int]]]:
    """Maintain the tables one by one; gives each one's name and footprint before and after. Raises OlistError.

    With all of them, the audit log too.
    """
    if config.retention_hours < WEEK_HOURS and not config.force:
        raise OlistError(
            f"Files younger than {WEEK_HOURS} hours may still be read, by a run that goes on or as an older version; "
            f"removing those older than {config.retention_hours} hours needs --force."
        )
    settings = Settings()
    for name in lakehouse.made(settings, config.tables or tables()):
        path = lakehouse.table_path(settings, name)
        with table_lock(path, settings.lock_timeout, "maintenance"):
            before = footprint(settings, name)
            spark.session.sql(f"OPTIMIZE delta.`{path}`")
            with _age_unchecked(spark.session, when=config.force):
                spark.session.sql(f"VACUUM delta.`{path}` RETAIN {config.retention_hours} HOURS")
            table = lakehouse.open_table(settings, name)
            # What is older than the table's delta.logRetentionDuration (30 days) goes once a checkpoint holds it.
            table.create_checkpoint()
            table.cleanup_metadata()
            after = footprint(settings, name)
        said = (
            f"files {before.files_on_disk} to {after.files_on_disk}, older than {config.retention_hours} hours removed"
        )
        audit_log.record_or(audit_log.warn, settings, "maintain", [name], statement=said)
        yield name, asdict(before), asdict(after)
    if not config.tables:
        audit_log.compact(settings)


def footprint(settings: Settings, name: str) -> Footprint:
    """What a table takes up now, old versions included."""
    figures: dict[str, Any] = lakehouse.statistics(lakehouse.open_table(settings, name))
    path = lakehouse.table_path(settings, name)
    log = log_folder(path)
    on_disk = [file.stat().st_size for file in path.rglob("*.parquet") if log not in file.parents]
    log_files = sum(1 for file in log.iterdir() if file.is_file())
    return Footprint(figures["files"], figures["bytes"], len(on_disk), sum(on_disk), log_files)


@contextmanager
def _age_unchecked(spark: SparkSession, *, when: bool) -> Iterator[None]:
    """Let VACUUM remove files younger than a week, for this once."""
    if not when:
        yield
        return
    spark.conf.set(AGE_CHECK, "false")
    try:
        yield
    finally:
        spark.conf.unset(AGE_CHECK)
