"""The rows of a training do not depend on how the data was laid out, nor on the engine."""

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.mlops.training_rows import buyers, is_trained_on

pytestmark = pytest.mark.engines
# Of 300 keys, those that a split of 5 % trains on.
SPLIT = [
    "c0007", "c0051", "c0056", "c0061", "c0072", "c0078", "c0080", "c0087", "c0175", "c0195", "c0199", "c0202", "c0220",
    "c0221", "c0223", "c0277", "c0278", "c0285", "c0286",
]  # fmt: skip


def customers(spark) -> DataFrame:
    number = F.col("id") % 10
    return spark.range(300).select(F.format_string("c%04d", "id").alias("key"), number.alias("frequency"))


def test_the_split_is_by_customer_whatever_the_rows(spark):
    rows = customers(spark)
    train = {row.key for row in rows.where(is_trained_on("key", 0.8, 42)).collect()}
    some = rows.where("frequency < 3")
    again = {row.key for row in some.where(is_trained_on("key", 0.8, 42)).collect()}
    assert again == train & {row.key for row in some.collect()}
    assert 0.7 < len(train) / 300 < 0.9
    assert train != {row.key for row in rows.where(is_trained_on("key", 0.8, 43)).collect()}


def test_the_split_is_the_same_on_every_engine(spark):
    found = customers(spark).where(is_trained_on("key", 0.05, 42)).select("key").collect()
    assert sorted(row.key for row in found) == SPLIT


def test_buyers_are_the_customers_with_an_order_and_their_features_are_doubles(spark):
    found = buyers(customers(spark), "key", ("frequency",))
    assert found.dtypes == [("key", "string"), ("frequency", "double")]
    assert found.count() == 270
