"""The one Definitions: only assembly."""

import dagster as dg

from olist_assets.alerts.sensor import alerts
from olist_assets.catalog import assets, models, tables
from olist_assets.checks.assembly import asset_checks
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.jobs import jobs
from olist_assets.lineage.sensor import openlineage_events
from olist_assets.mlops.model_checks import model_checks
from olist_assets.monitoring.definitions import monitoring_assets, monitoring_checks
from olist_assets.mlops.registry import ModelRegistry
from olist_assets.engine.source_reader import OlistSource
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.schedules import schedules
from olist_assets.mlops.tracking import Mlflow

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
