"""What is materialized without a person. Everything here is off until it is turned on in the UI.

- Sources: the bronze tables are read every night.
- Silver, gold and scoring tables without days follow their upstream tables, once all of these are in.
- Daily tables: the sensor `orders_changed` requests one run per span of changed days. Dagster's own conditions look at
  the latest day only: they would take one of three new days, and no old day that changed. Without that limit each read
  of an unpartitioned bronze table would request all days.
- Order events: the sensor `order_events` requests a run of the job `stream` when some wait in Kafka.
- Trainings and evaluations run weekly, once their inputs are in: each is an MLflow run, and what they measure, whole
  weeks and months, does not change from one write to the next. A champion follows its training.
- Monitoring runs hourly, with the checks of freshness: a table that is never written again must be noticed too.

Changed code alone starts nothing: the UI and `olist stale` show it.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from olist_assets.checks.thresholds import CLOCK_CHECKS
from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.order_changes import orders_changed_sensor
from olist_assets.order_events.sensor import order_events_sensor

NIGHTLY, WEEKLY, HOURLY = "0 2 * * *", "0 4 * * 0", "0 * * * *"
INTERVAL_SECONDS = 30


def automated(assets: Iterable[Any], catalog: Catalog) -> list[Any]:
    """The assets with their automation conditions."""

    def with_condition(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(automation_condition=condition_of(spec.key.to_user_string(), catalog))

    return list(dg.map_asset_specs(with_condition, assets))


def condition_of(name: str, catalog: Catalog) -> dg.AutomationCondition | None:
    """The condition of an asset by its name; None for what a sensor of its own requests."""
    if name in catalog.daily_tables:
        return None
    if name in catalog.models or _logs_to_mlflow(name, catalog):
        return dg.AutomationCondition.on_cron(WEEKLY)
    layer = catalog.layer_of(name) if name in catalog.functions else "monitoring"
    if layer == "streaming":
        return None
    if layer in ("bronze", "monitoring"):
        return dg.AutomationCondition.on_cron(NIGHTLY if layer == "bronze" else HOURLY)
    return dg.AutomationCondition.eager().ignore(_through_daily_tables(name, catalog))


def _logs_to_mlflow(name: str, catalog: Catalog) -> bool:
    """Whether each materialization of a table is an MLflow run, which evaluates what its readers use."""
    return name in catalog.tables and "mlflow" in catalog.tables[name].kinds


def _through_daily_tables(name: str, catalog: Catalog) -> dg.AssetSelection:
    """Upstream tables of an asset whose changes reach it through a daily table too, which is newer then.

    Without this, a table over both would be made twice every night: once before its daily table.
    """
    parents = set(catalog.parents(name))
    daily = parents & {*catalog.daily_tables}
    reached = {table for parent in daily for table in catalog.ancestors(parent) if catalog.tables[table].changes_days}
    # A table that is made of nothing else changes only together with them.
    reached |= {name for name in parents if catalog.parents(name) and reached.issuperset(catalog.parents(name))}
    # An optional table may never be made, and no asset waits for it.
    optional = {name for name in parents if name in catalog.tables and catalog.tables[name].is_optional}
    return dg.AssetSelection.assets(*sorted((parents - daily) & reached | optional))


def check_condition(table: Table, check: str) -> dg.AutomationCondition | None:
    """The condition of a check by its table and name; None for a check that runs with its table."""
    # Not on_cron, which waits for the table to be updated: freshness is about tables that are not.
    tick = dg.AutomationCondition.cron_tick_passed(HOURLY).since_last_handled()
    # The stream writes its tables without a run of their assets, and may have stopped.
    return tick if check in CLOCK_CHECKS or table.layer == "streaming" else None


def automation_sensors(warehouse: Warehouse, calendar: Calendar) -> list[dg.SensorDefinition]:
    """The sensor that evaluates the conditions, the one that requests days, and the one that takes order events."""
    conditions = dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
        description="Requests what is due by its automation condition.",
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=INTERVAL_SECONDS,
    )
    return [conditions, orders_changed_sensor(warehouse, calendar), order_events_sensor(warehouse)]
