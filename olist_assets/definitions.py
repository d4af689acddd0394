"""The one Definitions: only assembly."""

import dagster as dg

from olist_assets.alerts.sensor import alerts
from olist_assets.catalog import assets, models, tables
from olist_assets.checks import asset_checks
from olist_assets.executor import threaded_executor
from olist_assets.io_manager import DeltaIOManager
from olist_assets.jobs import jobs
from olist_assets.lineage_sensor import openlineage_events
from olist_assets.model_checks import model_checks
from olist_assets.monitoring.definitions import monitoring_assets, monitoring_checks
from olist_assets.registry import ModelRegistry
from olist_assets.resources import OlistSource, SchemaPolicy, Spark
from olist_assets.schedules import schedules
from olist_assets.tracking import Mlflow

# A run sets it: in the launchpad, or by --allow-schema-change.
spark, schema_policy = Spark(), SchemaPolicy.configure_at_launch()
defs = dg.Definitions(
    assets=[*assets(), *monitoring_assets],  # pyright: ignore[reportArgumentType]  # takes what @dg.asset gives for functions
    asset_checks=[
        *(asset_checks(table) for table in tables().values()),
        *(model_checks(model) for model in models().values()),
        *monitoring_checks,
    ],
    resources={
        "spark": spark,
        "schema_policy": schema_policy,
        "source": OlistSource(spark=spark, schema_policy=schema_policy),
        "mlflow": Mlflow(),
        "models": ModelRegistry(),
        "io_manager": DeltaIOManager(spark=spark, schema_policy=schema_policy),
    },
    executor=threaded_executor,
    jobs=jobs,
    schedules=schedules,
    sensors=[alerts, openlineage_events],
)
