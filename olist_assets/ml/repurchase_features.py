"""Features of each customer at a cutoff, and the label whether they placed no order after it.

A fact counts from the time at which it was known: a purchase and a delivery by their dates, a review by its answer.
"""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.silver.expressions import days_between

KEY, LABEL = "customer_unique_id", "has_no_order"
FEATURES = (
    "recency_days", "frequency", "monetary_value", "tenure_days", "total_items_purchased", "max_installments",
    "avg_delivery_days", "avg_delivery_delay", "avg_review_score", "has_review",
)  # fmt: skip
MAY_BE_MISSING = ("max_installments", "avg_delivery_days", "avg_delivery_delay", "avg_review_score")


def with_cutoff(orders: DataFrame, cutoff: date) -> DataFrame:
    """The orders with one `cutoff` for all: the first day that is not known."""
    return orders.withColumn("cutoff", F.lit(cutoff))


def customers_at_cutoff(orders: DataFrame, reviews: DataFrame) -> DataFrame:
    """One row per customer with an order before its `cutoff`: id and FEATURES as doubles, unknown ones null."""
    bought = orders.where(F.col("order_date") < F.col("cutoff"))
    is_delivered = F.col("order_delivered_customer_date") < F.col("cutoff")
    # At most one row per order on the right.
    known = bought.join(_scores_of_orders(bought, reviews), on="order_id", how="left").withColumns(
        {name: F.when(is_delivered, F.col(name)) for name in ("delivery_days", "delivery_delay")}
    )
    since_first, since_last = (
        days_between(day("order_date"), F.max("cutoff")).cast("double") for day in (F.min, F.max)
    )
    return known.groupBy(KEY).agg(
        since_last.cast("double").alias("recency_days"),
        F.count("*").cast("double").alias("frequency"),
        F.sum("order_total_value").cast("double").alias("monetary_value"),
        since_first.cast("double").alias("tenure_days"),
        F.sum("items_count").cast("double").alias("total_items_purchased"),
        F.max("max_installments").cast("double").alias("max_installments"),
        F.avg("delivery_days").alias("avg_delivery_days"),
        F.avg("delivery_delay").alias("avg_delivery_delay"),
        # A sum of whole numbers first: the mean then does not depend on the rows' order.
        (F.sum("score_sum") / F.sum("score_count")).alias("avg_review_score"),
        F.coalesce(F.max((F.col("score_count") > 0).cast("double")), F.lit(0.0)).alias("has_review"),
    )


def _scores_of_orders(orders: DataFrame, reviews: DataFrame) -> DataFrame:
    """One row per order with a review that was answered before the cutoff: sum and number of the scores."""
    answered = reviews.select(F.explode("order_ids").alias("order_id"), "review_answer_timestamp", "review_score")
    # `orders` has one row per order, so no review is repeated.
    known = answered.join(orders.select("order_id", "cutoff"), on="order_id", how="inner").where(
        F.col("review_answer_timestamp") < F.col("cutoff")
    )
    return known.groupBy("order_id").agg(F.sum("review_score").alias("score_sum"), F.count("*").alias("score_count"))


def labelled(orders: DataFrame, reviews: DataFrame, horizon_days: int) -> DataFrame:
    """Customers at the cutoff and LABEL: 1 if they placed no order in the `horizon_days` from the cutoff on."""
    days_after = days_between("cutoff", "order_date")
    later = orders.where((days_after >= 0) & (days_after < horizon_days)).select(KEY).distinct()
    # At most one row per customer on the right.
    again = customers_at_cutoff(orders, reviews).join(later.withColumn("again", F.lit(0)), on=KEY, how="left")
    return again.withColumn(LABEL, F.coalesce("again", F.lit(1))).select(KEY, *FEATURES, LABEL)
