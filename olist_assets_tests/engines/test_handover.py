"""A warehouse outgrows one machine one way: Spark continues what Sail made, and Sail reads what Spark has clustered."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from olist_assets.catalog import catalog
from olist_assets.contracts.quoting import spark_path
from olist_assets.engine.choice import engine_of
from olist_assets.engine.sail.engine import SailEngine
from olist_assets.engine.upkeep import maintain
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import make, settings_in
from olist_assets_tests.engines.answers import stored
from olist_assets_tests.engines.comparison import compared

pytestmark = pytest.mark.spark
DAY = date(2018, 1, 10)
DAILY = catalog().daily_tables
# With timestamps and arrays, which both engines have to write in a way that the other one reads.
READ = (
    "bronze_orders", "gold_daily_metrics", "gold_customer_churn_predictions",
    *(name for name, table in catalog().tables.items() if table.layer == "silver"),
)  # fmt: skip


def copy_of(platform: Platform, folder: Path) -> Platform:
    """A copy of a warehouse with a new Dagster home."""
    settings = settings_in(folder, platform.settings.data)
    shutil.copytree(platform.settings.warehouse_path, settings.warehouse_path)
    return Platform(settings)


def versions(warehouse: Warehouse) -> dict[str, int]:
    return {name: table.version() for name, table in warehouse.existing_tables().items()}


def differences(one: Platform, other: Platform, *names: str) -> list[str]:
    return [line for name in names for line in compared(name, one.warehouse, other.warehouse).differences]


def clustered_by_spark(platform: Platform, spark: SparkSession, name: str) -> None:
    """Cluster a table that Sail made."""
    path = platform.warehouse.path(name)
    spark.sql(f"ALTER TABLE {spark_path(path)} CLUSTER BY ({platform.catalog.table(name).day})")
    engine_of(platform.settings).optimize(path, platform.catalog.table(name))


def refusal(name: str) -> str:
    return f"{name} is clustered by Spark, and only Spark can write it: set OLIST_ENGINE=spark. Nothing was changed."


def test_spark_continues_a_warehouse_of_sail_day_by_day_and_sail_still_writes_it(
    spark, by_sail, olist_on_sail, tmp_path
):
    platform = copy_of(by_sail, tmp_path)
    before = versions(platform.warehouse)
    report = make(platform, ",".join(DAILY), (DAY, DAY))
    assert report.succeeded, report
    assert versions(platform.warehouse) == {name: at + (name in DAILY) for name, at in before.items()}
    assert differences(platform, by_sail, *DAILY) == []
    code, text = olist_on_sail(platform.settings, "materialize", "--day", str(DAY))
    assert code == 0, text
    assert versions(platform.warehouse) == {name: at + 2 * (name in DAILY) for name, at in before.items()}
    assert differences(platform, by_sail, *DAILY) == []


def test_spark_maintains_tables_of_sail(spark, by_sail, tmp_path):
    platform = copy_of(by_sail, tmp_path)
    names, maintained = [*DAILY, "silver_order_payments"], list[str]()
    maintain(
        platform.warehouse, engine_of(platform.settings), lambda name, *_: maintained.append(name),
        names=names, retention_hours=0, force=True,
    )  # fmt: skip
    assert maintained == names
    assert differences(platform, by_sail, *maintained) == []


@pytest.mark.parametrize("name", READ)
def test_sail_reads_each_table_of_spark_with_its_types_and_timestamps(finished, ask, name):
    settings = finished.settings
    expected = stored(engine_of(settings), settings.warehouse, name)
    assert ask("stored", settings.warehouse, name) == expected
    assert len(expected) > 1 or catalog().tables[name].may_be_empty


@pytest.fixture(params=["made by Spark", "clustered later"])
def clustered(request, spark, finished, tmp_path) -> Platform:
    """A warehouse whose silver_orders is clustered."""
    if request.param == "made by Spark":
        return copy_of(finished.platform, tmp_path)
    platform = copy_of(request.getfixturevalue("by_sail"), tmp_path)
    clustered_by_spark(platform, spark, "silver_orders")
    return platform


def test_sail_refuses_to_write_a_clustered_table_and_reads_it(clustered, finished, olist_on_sail):
    settings, before = clustered.settings, versions(clustered.warehouse)
    code, text = olist_on_sail(settings, "materialize", "--select", "silver_orders", "--day", str(DAY))
    assert code == 1
    assert refusal("silver_orders") in " ".join(text.split())
    assert "Traceback" not in text
    code, text = olist_on_sail(settings, "maintain", "--select", "silver_orders")
    assert code in (1, 2)
    assert refusal("silver_orders") in " ".join(text.split())
    assert versions(clustered.warehouse) == before
    assert differences(clustered, finished.platform, "silver_orders") == []
    assert olist_on_sail(settings, "checks", "--select", "silver_orders")[0] == 0
    code, text = olist_on_sail(settings, "sql", "--format", "csv", "SELECT count(*) AS n FROM silver_orders")
    assert (code, text.split()) == (0, ["n", str(finished.report.rows["silver_orders"])])
    # It reads silver_orders_master, which Spark clusters too.
    code, text = olist_on_sail(settings, "materialize", "--select", "gold_geographic_metrics")
    assert code == 0, text
    assert differences(clustered, finished.platform, "gold_geographic_metrics") == []


def test_sail_changes_nothing_else_of_a_clustered_table(finished, tmp_path):
    platform = copy_of(finished.platform, tmp_path)
    name, before = "silver_orders", versions(platform.warehouse)
    path, engine = platform.warehouse.path(name), SailEngine(platform.settings)
    for change in (
        lambda: engine.restore(path, 0, "{}"),
        lambda: engine.set_property(path, "delta.logRetentionDuration", "interval 1 days"),
        lambda: engine.optimize(path, platform.catalog.table(name)),
    ):
        with pytest.raises(OlistError, match=refusal(name)):
            change()
    assert versions(platform.warehouse) == before
