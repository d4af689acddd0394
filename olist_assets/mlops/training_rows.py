"""Which rows a training uses: the same on every engine."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

BUCKETS = 10_000


def buyers(customers: DataFrame, key: str, features: tuple[str, ...]) -> DataFrame:
    """One row per customer with a delivered order: the key and the features as doubles, unknown ones null."""
    bought = customers.where(F.col("frequency") > 0)
    return bought.select(key, *(F.col(name).cast("double").alias(name) for name in features))


def is_trained_on(key: str, share: float, seed: int) -> Column:
    """Whether a row belongs to the `share` to train on, by a hash of its key: the same in every run and data set."""
    return F.pmod(F.xxhash64(F.lit(seed), F.col(key)), F.lit(BUCKETS)) < round(share * BUCKETS)
