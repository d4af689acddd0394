"""Rows laid out for training, so that the same rows give the same model."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# The sum of two partitions does not depend on which is ready first; that of three does, in the last digit.
PARTITIONS = 2
BUCKETS = 10_000


@contextmanager
def in_fixed_order(frame: DataFrame, key: str) -> Iterator[DataFrame]:
    """The rows, cached, in two partitions by their key and sorted by it, whatever their order was.

    Spark's seeds depend on the numbers of partitions and rows, and its sums of doubles on the rows' order.
    """
    laid_out = frame.repartition(PARTITIONS, key).sortWithinPartitions(key).persist()
    try:
        yield laid_out
    finally:
        laid_out.unpersist()


def buyers(customers: DataFrame, key: str, features: tuple[str, ...]) -> DataFrame:
    """One row per customer with a delivered order: the key and the features as doubles, unknown ones null."""
    bought = customers.where(F.col("frequency") > 0)
    return bought.select(key, *(F.col(name).cast("double").alias(name) for name in features))


def is_trained_on(key: str, share: float, seed: int) -> Column:
    """Whether a row belongs to the `share` to train on, by a hash of its key: the same in every run and data set."""
    return F.pmod(F.xxhash64(F.lit(seed), F.col(key)), F.lit(BUCKETS)) < round(share * BUCKETS)
