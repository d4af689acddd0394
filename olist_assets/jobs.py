"""The jobs: everything, the daily tables, monitoring, upkeep, and order events."""

from dataclasses import asdict, replace
from typing import Any

import dagster as dg
from pydantic import Field

from olist_assets.checks.kinds import checks_of
from olist_assets.checks.thresholds import CLOCK_CHECKS
from olist_assets.contracts.catalog import Catalog
from olist_assets.engine.engine import WEEK_HOURS, Engine
from olist_assets.engine.upkeep import Footprint, maintain
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.job_names import DAILY, EVERYTHING, MAINTENANCE, MONITORING, STREAM, STREAM_AGAIN
from olist_assets.order_events.batches import BRONZE, TOMBSTONES
from olist_assets.order_events.reports import Reporter
from olist_assets.order_events.stream import EventStream, Merged

MONITORED, STREAMED = dg.AssetSelection.groups("monitoring"), dg.AssetSelection.groups("streaming")


class MaintenanceConfig(dg.Config):
    """Which tables (all existing ones by default), and the age in hours beyond which files are removed."""

    tables: list[str] = Field(default_factory=list)
    retention_hours: int = WEEK_HOURS
    force: bool = False


@dg.op(pool=MAINTENANCE, out=dg.Out(dg.Nothing))
def maintain_tables(
    context: dg.OpExecutionContext,
    config: MaintenanceConfig,
    warehouse: dg.ResourceParam[Warehouse],
    engine: dg.ResourceParam[Engine],
) -> None:
    """Join small files, remove old ones and old log entries; an observation has a table's size before and after."""

    def observe(name: str, before: Footprint, after: Footprint) -> None:
        sizes = {"before": asdict(before), "after": asdict(after)}
        metadata = {f"{field}_{when}": count for when, size in sizes.items() for field, count in size.items()}
        context.log_event(dg.AssetObservation(name, metadata=metadata))

    hours, force = config.retention_hours, config.force
    maintain(warehouse, engine, observe, names=config.tables, retention_hours=hours, force=force)


@dg.job(name=MAINTENANCE, description="Join small files, remove old ones and old log entries.")
def maintenance() -> None:
    maintain_tables()


class StreamConfig(dg.Config):
    """Whether messages that Kafka has deleted before they were read may be left out."""

    skip_missing: bool = False


@dg.op(pool=STREAM, out=dg.Out(dg.Nothing))
def take_order_events(
    context: dg.OpExecutionContext,
    config: StreamConfig,
    warehouse: dg.ResourceParam[Warehouse],
    stream: dg.ResourceParam[EventStream],
) -> None:
    """Append what the topic has, merge it, and report every changed table, also if not all could be merged."""
    batches: list[Merged] = []
    try:
        batches += replace(stream, skip_missing=config.skip_missing).take_available()
    finally:
        Reporter(warehouse, context.instance, context.log_event, context.log.warning, context.run_id).report(batches)


@dg.job(name=STREAM, description="Order events that wait in Kafka, appended and merged into the bronze tables.")
def stream() -> None:
    take_order_events()


def jobs(catalog: Catalog) -> list[Any]:
    """All jobs over the assets of a catalog."""
    # A table that is never written again goes stale without a run, so its freshness is checked here too.
    freshness = [
        dg.AssetCheckKey(dg.AssetKey(name), check.name)
        for name, table in catalog.tables.items()
        for check in checks_of(table, catalog.tables)
        if check.name in CLOCK_CHECKS
    ]
    streamed = [name for name, table in catalog.tables.items() if table.layer == "streaming"]
    return [
        dg.define_asset_job(
            EVERYTHING,
            dg.AssetSelection.all() - MONITORED - STREAMED,
            description="Every table and model that is made from the source, with its checks.",
        ),
        dg.define_asset_job(
            DAILY,
            dg.AssetSelection.assets(*catalog.daily_tables),
            description="A day of the daily tables, or a range of days.",
        ),
        dg.define_asset_job(
            MONITORING,
            MONITORED | dg.AssetSelection.checks(*freshness) | dg.AssetSelection.checks_for_assets(*streamed),
            description="Versions and durations for the history, the dashboard's queries, freshness and the stream: no "
            "engine.",
        ),
        maintenance,
        stream,
        dg.define_asset_job(
            STREAM_AGAIN,
            dg.AssetSelection.assets(TOMBSTONES, *BRONZE),
            description="Tables that order events have fed, made again from all stored events.",
        ),
    ]
