"""The same tables as one plain PySpark script, without Dagster, contracts or checks, to measure the graph against.

`bare` uses the platform's own Spark settings, `defaults` Spark's and Delta's, and counts after each write.
Both run the platform's own transformations: they measure what Dagster, the contracts and the checks add, nothing else.
"""

import sys
from pathlib import Path
from typing import Any

import dagster as dg
from pyspark.sql import DataFrame, SparkSession

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import assets, models, tables
from olist_assets.gold.gold_customer_metrics import CustomerMetricsConfig
from olist_assets.engine.source_reader import OlistSource
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark, spark_config
from olist_assets.settings import Settings

# What the platform's settings are needed for at all: Delta, its JARs, the memory, and loopback addresses only.
NEEDED = (
    "spark.master",
    "spark.driver.memory",
    "spark.driver.host",
    "spark.driver.bindAddress",
    "spark.driver.extraClassPath",
    "spark.sql.extensions",
    "spark.sql.catalog.spark_catalog",
    "spark.sql.session.timeZone",
    "spark.ui.enabled",
)


def session(settings: Settings, peer: str) -> SparkSession:
    config = spark_config(settings)
    builder = SparkSession.Builder()
    for name in config if peer == "bare" else NEEDED:
        builder = builder.config(name, config[name])
    return builder.getOrCreate()


def in_order() -> list[dg.AssetsDefinition]:
    """Assets, each after those it reads; without the models and what is made with them."""
    waiting, done, ordered = [made for made in assets() if made.key.to_user_string() not in models()], set(), []
    while waiting:
        ready = [made for made in waiting if set(made.dependency_keys) <= done]
        if not ready:
            break
        ordered += ready
        done |= {key for made in ready for key in made.keys}
        waiting = [made for made in waiting if made not in ready]
    return ordered


def frame_of(made: dg.AssetsDefinition, inputs: dict[str, DataFrame]) -> DataFrame:
    name = made.key.to_user_string()
    source = tables()[name].source
    if source:
        return OlistSource(spark=Spark(), schema_policy=SchemaPolicy()).read(source)
    function: Any = made.node_def.compute_fn.decorated_fn  # pyright: ignore[reportAttributeAccessIssue]
    config = {"config": CustomerMetricsConfig()} if name == "gold_customer_metrics" else {}
    return function(**config, **inputs)


def main(peer: str) -> None:
    settings = Settings()
    spark = session(settings, peer)

    def read(path: Path) -> DataFrame:
        return spark.read.format("delta").load(str(path))

    for made in in_order():
        path = lakehouse.table_path(settings, made.key.to_user_string())
        inputs = {
            k.to_user_string(): read(lakehouse.table_path(settings, k.to_user_string())) for k in made.dependency_keys
        }
        frame_of(made, inputs).write.format("delta").mode("overwrite").save(str(path))
        if peer == "defaults":
            print(f"{path.name}: {read(path).count():,} rows")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
