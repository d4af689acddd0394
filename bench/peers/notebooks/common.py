"""Shared by the notebooks: the session, reading and writing of Delta tables, and a few frames."""

from dataclasses import dataclass
from pathlib import Path

import click
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from olist_assets.engine.spark.jars import delta_jars
from olist_assets.settings import Settings

CATEGORY = "product_category_name_english"
PLACE = ["customer_state", "customer_city"]
RFM = ["recency_days", "frequency", "monetary_value"]


@dataclass(frozen=True)
class Lakehouse:
    """The session, and the folders with the CSV files and the Delta tables."""

    spark: SparkSession
    data: Path
    folder: Path
    lean: bool = False

    def read(self, name: str) -> DataFrame:
        return self.spark.read.format("delta").load(str(self.folder / name))

    def write(self, frame: DataFrame, name: str, mode: str = "overwrite") -> None:
        """Write a table and, unless lean, print its row count."""
        frame.write.format("delta").mode(mode).save(str(self.folder / name))
        if not self.lean:
            click.echo(f"{name}: {self.read(name).count():,} rows")


def session(folder: Path, *, lean: bool) -> SparkSession:
    """The settings without which Delta does not run on a laptop; none for speed, or if lean the usual one."""
    required = {
        "spark.master": "local[2]",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": ":".join(map(str, delta_jars().fetched(Settings().cache))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": str(folder / ".spark"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if lean:
        required["spark.sql.shuffle.partitions"] = "2"
    builder = SparkSession.Builder()
    for name, value in required.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def categories(lake: Lakehouse) -> DataFrame:
    """Products with their category."""
    products = lake.read("bronze/bronze_products").dropDuplicates(["product_id"])
    translation = lake.read("bronze/bronze_product_category_translation").dropDuplicates(["product_category_name"])
    english = F.coalesce(CATEGORY, "product_category_name", F.lit("unknown"))
    return products.join(translation, "product_category_name", "left").select(
        "product_id", "product_category_name", english.alias(CATEGORY)
    )


def order_scores(lake: Lakehouse) -> DataFrame:
    """Orders with the mean score of their reviews."""
    reviews = lake.read("silver/silver_order_reviews").select(F.explode("order_ids").alias("order_id"), "review_score")
    return reviews.groupBy("order_id").agg(
        F.count("*").alias("review_count"), F.avg("review_score").alias("avg_review_score")
    )


def segment_profiles(customers: DataFrame, kind: str, segment: str) -> DataFrame:
    profiles = customers.groupBy(F.lit(kind).alias("segment_kind"), F.col(segment).alias("segment")).agg(
        F.count("*").alias("customers"),
        F.avg("recency_days").alias("avg_recency_days"),
        F.avg("frequency").alias("avg_frequency"),
        F.avg("monetary_value").alias("avg_monetary_value"),
        F.avg("clv_12_months").alias("avg_clv_12_months"),
        F.avg("avg_review_score").alias("avg_review_score"),
        F.round(F.sum("monetary_value"), 2).alias("revenue"),
    )
    everyone = Window.partitionBy("segment_kind")
    return profiles.withColumn("customer_share", F.col("customers") / F.sum("customers").over(everyone)).withColumn(
        "revenue_share", F.col("revenue") / F.sum("revenue").over(everyone)
    )
