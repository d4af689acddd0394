"""The one Definitions: only assembly."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import dagster as dg

from olist_assets.alerts.sensor import alerts_sensor
from olist_assets.automation import automated, automation_sensors, check_condition
from olist_assets.catalog import catalog
from olist_assets.checks.assembly import asset_checks
from olist_assets.checks.kinds import checks_of
from olist_assets.checks.stream_running import running_checks
from olist_assets.contracts.calendar import Calendar
from olist_assets.engine.history_io_manager import HistoryIOManager
from olist_assets.engine.resources import engine_resources
from olist_assets.jobs import jobs
from olist_assets.lakehouse.order_days import calendar as known_calendar
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.lineage.sensor import lineage_sensor
from olist_assets.mlops.model_checks import model_checks
from olist_assets.mlops.model_io_manager import ModelIOManager
from olist_assets.mlops.tracking import MlflowResource
from olist_assets.monitoring.dashboard_refresh import dashboard_refresh
from olist_assets.monitoring.event_log import EventLogResource
from olist_assets.monitoring.monitoring_durations import MONITORING_DURATIONS, duration_checks
from olist_assets.orchestration.assets import asset_of, daily_partitions
from olist_assets.orchestration.batched_io_manager import BatchedDeltaIOManager
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.orchestration.run_history import RunHistoryResource
from olist_assets.order_events.resource import EventStreamResource
from olist_assets.schedules import maintain_weekly
from olist_assets.settings import Settings
from olist_assets.streaming.monitoring_stream import MONITORING_STREAM
from olist_assets.user import name_user

MORE_CHECKS = {MONITORING_DURATIONS.name: duration_checks, MONITORING_STREAM.name: running_checks}


def build_defs(
    settings: Settings, calendar: Calendar | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """All definitions for these settings; the daily tables have the days of `calendar`, by default the known ones."""
    warehouse = Warehouse(settings, catalog())
    calendar = calendar or known_calendar(warehouse)
    days, tables = daily_partitions(calendar), warehouse.catalog.tables
    assets = [asset_of(function, days) for function in warehouse.catalog.functions.values()]
    return dg.Definitions(
        assets=automated([*assets, dashboard_refresh], warehouse.catalog),
        asset_checks=[
            *(
                asset_checks(
                    table, [*checks_of(table, tables), *MORE_CHECKS.get(name, list)()], partial(check_condition, table)
                )
                for name, table in tables.items()
            ),
            *(model_checks(model) for model in warehouse.catalog.models.values()),
        ],
        resources={**resources(warehouse, calendar), **(resource_overrides or {})},
        executor=threaded_executor(settings.steps_at_once),
        jobs=jobs(warehouse.catalog),
        schedules=[maintain_weekly],
        sensors=[alerts_sensor(warehouse), lineage_sensor(warehouse), *automation_sensors(warehouse, calendar)],
    )


def resources(warehouse: Warehouse, calendar: Calendar) -> dict[str, Any]:
    """The resources by key."""
    days = dg.ResourceDefinition.hardcoded_resource(calendar)
    engine = engine_resources(warehouse)
    of_warehouse = engine["warehouse"]
    return {
        **engine,
        "calendar": days,
        "runs": RunHistoryResource(),
        "events": EventLogResource(warehouse=of_warehouse),
        "stream": EventStreamResource(warehouse=of_warehouse, engine=engine["engine"]),
        "mlflow": MlflowResource(warehouse=of_warehouse),
        "models": ModelIOManager(warehouse=of_warehouse),
        "history_io_manager": HistoryIOManager(warehouse=of_warehouse),
        "io_manager": BatchedDeltaIOManager(
            warehouse=of_warehouse, engine=engine["engine"], schema_policy=engine["schema_policy"], calendar=days
        ),
    }


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the code location, for the settings of the environment."""
    name_user()
    return build_defs(Settings())
