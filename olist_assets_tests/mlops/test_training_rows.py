"""The rows of a training do not depend on how the data was laid out."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.mlops.training_rows import PARTITIONS, buyers, in_fixed_order, is_trained_on


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


def test_rows_are_in_the_same_order_however_they_were_partitioned(spark):
    layouts = []
    for partitions in (1, 3, 7):
        shuffled = customers(spark).orderBy(F.hash("key", F.lit(partitions))).repartition(partitions)
        with in_fixed_order(shuffled, "key") as laid_out:
            layouts.append([row.key for row in laid_out.collect()])
            assert laid_out.rdd.getNumPartitions() == PARTITIONS
            assert laid_out.is_cached
        assert not laid_out.is_cached
    assert layouts[0] == layouts[1] == layouts[2]
    assert len(layouts[0]) == 300


def test_buyers_are_the_customers_with_an_order_and_their_features_are_doubles(spark):
    found = buyers(customers(spark), "key", ("frequency",))
    assert found.dtypes == [("key", "string"), ("frequency", "double")]
    assert found.count() == 270
