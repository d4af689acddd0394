"""Rows laid out for training so that the same rows give the same model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Sums of two partitions are the same whichever is ready first; of three they are not, to the last digit.
PARTITIONS = 2
BUCKETS = 10_000


@contextmanager
def in_fixed_order(frame: DataFrame, key: str) -> Iterator[DataFrame]:
    """The rows, cached, in two partitions by their key, each in its order: however they lay, and whoever computes them.

    Spark's seeds count partitions and rows, and its sums of doubles go by their order.
    """
    laid_out = frame.repartition(PARTITIONS, key).sortWithinPartitions(key).persist()
    try:
        yield laid_out
    finally:
        laid_out.unpersist()


def buyers(customers: DataFrame, key: str, features: tuple[str, ...]) -> DataFrame:
    """One row a customer with a delivered order: the key and the features as doubles, unknown ones null."""
    bought = customers.where(F.col("frequency") > 0)
    return bought.select(key, *(F.col(name).cast("double").alias(name) for name in features))


def is_trained_on(key: str, share: float, seed: int) -> Column:
    """Whether a row is among the `share` to train on: by a hash of its key, so the same in every run and data set."""
    return F.pmod(F.xxhash64(F.lit(seed), F.col(key)), F.lit(BUCKETS)) < round(share * BUCKETS)


def last_stage(model: PipelineModel) -> Any:
    """The fitted estimator at the end of a pipeline, of whatever kind it is."""
    return model.stages[-1]
