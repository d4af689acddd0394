"""The one Definitions: only assembly."""

import dagster as dg

from olist_assets.catalog import assets, tables
from olist_assets.checks import asset_checks
from olist_assets.io_manager import DeltaIOManager
from olist_assets.resources import OlistSource, Spark

JOB = "olist"

spark = Spark()
defs = dg.Definitions(
    assets=assets(),
    asset_checks=[asset_checks(table) for table in tables().values()],
    resources={
        "spark": spark,
        "source": OlistSource(spark=spark),
        "io_manager": DeltaIOManager(spark=spark),
    },
    # One JVM a run: a process a step would start Spark for each.
    executor=dg.in_process_executor,
    jobs=[dg.define_asset_job(JOB, selection=dg.AssetSelection.all())],
)
