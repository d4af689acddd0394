"""silver_order_reviews: reviews, each with all the orders that it covers."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, OrderReference
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import OLIST_EVENTS, Metric, Profile, Threshold, Thresholds
from olist_assets.silver.cleaning import Rules, accepted

PROFILE = Profile(
    day="review_creation_date",
    metrics=(
        Metric("mean", "review_score", Threshold(0.05, "Score points: its mean of a day varies by more.")),
        Metric(
            "share", "review_comment_message", Threshold(0.01, "Share of reviews with a comment, about 40 %."),
            "review_comment_message IS NOT NULL",
        ),
    ),
    known=OLIST_EVENTS,
)  # fmt: skip
SILVER_ORDER_REVIEWS = Table(
    name="silver_order_reviews",
    description="Reviews by customers, each with all the orders that it covers.",
    grain="One row per review.",
    key=("review_id",),
    columns=(
        Column("review_id", "string", "Identifier of the review."),
        Column("order_ids", "array<string>", "Identifiers of the orders that the review covers, sorted."),
        Column("review_comment_title", "string", "Title of the customer's comment.", nullable=True, pii="remove"),
        Column("review_comment_message", "string", "Text of the customer's comment.", nullable=True, pii="remove"),
        Column("review_creation_date", "timestamp", "Time at which the survey was sent to the customer."),
        Column("review_answer_timestamp", "timestamp", "Time at which the customer answered it.", nullable=True),
        Column("review_score", "int", "Score of the review; 5 is the best.", unit="1-5", minimum=1, maximum=5),
    ),
    orders=OrderReference("order_id", "unnest(order_ids)"),
    thresholds=Thresholds(profiles=(PROFILE,)),
    accounting=Accounting(
        source="bronze_order_reviews", kept="SELECT coalesce(sum(len(order_ids)), 0) FROM silver_order_reviews"
    ),
)
RULES = Rules(
    subject="order_reviews",
    key=("review_id", "order_id"),
    required=("review_id", "order_id", "review_score", "review_creation_date"),
)


@table_asset(SILVER_ORDER_REVIEWS)
def silver_order_reviews(bronze_order_reviews: DataFrame) -> DataFrame:
    """Reviews with all their orders; text and score are those of the latest answer, ties by the smallest order id."""
    # A window sorts, on disk if need be; an aggregation would hold the texts of all reviews in memory.
    of_review = Window.partitionBy("review_id")
    latest_first = of_review.orderBy(F.desc_nulls_last("review_answer_timestamp"), "order_id")
    reviews = accepted(bronze_order_reviews, RULES).withColumns(
        {
            # Distinct, as review and order together are the key.
            "order_ids": F.array_sort(F.collect_list("order_id").over(of_review)),
            "place": F.row_number().over(latest_first),
        }
    )
    return reviews.where(F.col("place") == 1).select(*SILVER_ORDER_REVIEWS.column_names)
