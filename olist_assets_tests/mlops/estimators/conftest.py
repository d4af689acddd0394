"""Customers whose label and cluster follow from their features."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


@pytest.fixture(scope="package")
def rows(spark: SparkSession) -> DataFrame:
    """300 rows: `label` is 1 where `x` is above 0.5, with some exceptions; `x` and `y` have two groups."""
    number = F.col("id").cast("double")
    return spark.range(300).select(
        F.format_string("c%04d", "id").alias("key"),
        (number / 300).alias("x"),
        F.when(F.col("id") % 5 > 0, F.col("id") % 11).cast("double").alias("y"),
        F.when((F.col("id") >= 150) != (F.col("id") % 13 == 0), 1).otherwise(0).alias("label"),
        F.lit("2018-01-01 10:00:00").cast("timestamp").alias("at"),
        F.lit("1.50").cast("decimal(14,2)").alias("money"),
    )
