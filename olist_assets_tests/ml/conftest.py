"""Three kinds of customers."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

KEY = "customer_unique_id"


@pytest.fixture(scope="package")
def customers(spark: SparkSession) -> DataFrame:
    """300 customers with the columns of gold_customer_metrics that models read, and a label."""
    rows = spark.range(300).withColumn("kind", F.col("id") % 3)
    number = F.col("id") / 100
    return rows.select(
        F.format_string("c%04d", "id").alias(KEY),
        (10 + 20 * F.col("kind") + F.col("id") % 7).cast("int").alias("recency_days"),
        F.when(F.col("kind") == 2, 4).otherwise(1).cast("int").alias("frequency"),
        (50 + number + 500 * (F.col("kind") == 1).cast("int")).cast("decimal(14,2)").alias("monetary_value"),
        F.lit(20).cast("decimal(14,2)").alias("avg_order_value"),
        F.when(F.col("id") % 5 > 0, F.col("id") % 11).cast("double").alias("avg_delivery_days"),
        F.lit(-3.0).alias("avg_delivery_delay"),
        F.when(F.col("id") % 4 > 0, 1 + F.col("id") % 5).cast("double").alias("avg_review_score"),
        F.lit(0).alias("customer_lifetime_days"),
        F.lit(1).alias("total_items_purchased"),
        (F.col("id") % 2).cast("int").alias("is_churned"),
    ).persist()
