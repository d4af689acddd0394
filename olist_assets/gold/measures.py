"""Measures that several gold tables share."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def exact_mean(column: str) -> Column:
    """Mean of fractions, the same in any order of summation: they are summed as decimals with nine places."""
    return decimal_mean(F.col(column).cast("decimal(18,9)"))


def decimal_mean(value: Column | str) -> Column:
    """Mean of decimals as DOUBLE, from their exact sum."""
    return F.sum(value).cast("double") / nonzero(F.count(value))


def nonzero(count: Column) -> Column:
    """The count, null instead of zero: Spark divides by zero to null, and Sail fails."""
    return F.nullif(count, F.lit(0))


def money_mean(total: str, count: str, kind: str) -> Column:
    """`total / count` rounded half up to cents; null where the count is zero."""
    return F.round(F.col(total) / nonzero(F.col(count)), 2).cast(kind)


def share(part: Column | str, whole: Column) -> Column:
    """`part / whole` as DOUBLE; null where the whole is zero."""
    part = F.col(part) if isinstance(part, str) else part
    return part.cast("double") / F.nullif(whole.cast("double"), F.lit(0.0))


def score_by_order(reviews: DataFrame) -> DataFrame:
    """One row per order with a review: `order_id`, and `order_score`, the mean score of its reviews."""
    exploded = reviews.select(F.explode("order_ids").alias("order_id"), "review_score")
    return exploded.groupBy("order_id").agg(F.avg("review_score").alias("order_score"))
