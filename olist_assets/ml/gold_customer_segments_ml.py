"""gold_customer_segments_ml: the k-means segment of each customer."""

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column as Expr
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.gold_customer_metrics import EACH_BUYER_ONCE
from olist_assets.ml.segmentation_model import FEATURES, KEY, Segment, segments
from olist_assets.mlops.registry import Champion
from olist_assets.mlops.training_rows import buyers

GOLD_CUSTOMER_SEGMENTS_ML = Table(
    name="gold_customer_segments_ml",
    in_layer="ml",
    description="Segments by k-means over standardized recency, frequency and monetary value.",
    grain="One row per customer (customer_unique_id) with a delivered order.",
    key=("customer_unique_id",),
    columns=(
        Column("customer_unique_id", "string", "Identifier of the customer, the same in all their orders.", pii="hash"),
        Column(
            "recency_days", "int", "Days from the last delivered order to the reference date.", unit="days", minimum=0
        ),
        Column("frequency", "int", "Number of delivered orders.", minimum=1),
        Column("monetary_value", "decimal(14,2)", "Sum of the values of delivered orders.", unit="BRL", minimum=0),
        Column(
            "ml_segment",
            "int",
            "Number of the segment; 0 has the smallest average monetary value.",
            minimum=0,
        ),
        Column(
            "segment_label",
            "string",
            "Name of the segment, by the feature in which its center is furthest from the mean.",
        ),
        Column(
            "distance_to_center",
            "double",
            "Euclidean distance from the customer to the center of the segment, in standard deviations.",
            minimum=0,
        ),
    ),
    foreign_keys=(ForeignKey("customer_unique_id", "gold_customer_metrics", "customer_unique_id"),),
    row_counts=(EACH_BUYER_ONCE,),
)


@table_asset(GOLD_CUSTOMER_SEGMENTS_ML)
def gold_customer_segments_ml(gold_customer_metrics: DataFrame, segmentation_model_champion: Champion) -> DataFrame:
    """Customers with a delivered order, each in the segment with the nearest center."""
    assigned = segmentation_model_champion.score(buyers(gold_customer_metrics, KEY, FEATURES))
    # One row per customer on both sides.
    customers = gold_customer_metrics.select("customer_unique_id", *FEATURES).join(
        with_segment(assigned, segmentation_model_champion), on="customer_unique_id", how="inner"
    )
    return customers.select(*GOLD_CUSTOMER_SEGMENTS_ML.column_names)


def with_segment(assigned: DataFrame, champion: Champion) -> DataFrame:
    """Number and label of the segment and distance to its center, from a `prediction` and the scaled `features`."""
    found = segments(champion.fitted)

    def of_cluster(value: Callable[[Segment], Any]) -> Expr:
        pairs = (F.lit(part) for cluster, segment in found.items() for part in (cluster, value(segment)))
        return F.create_map(*pairs)[F.col("prediction")]

    # Term by term: Sail has no `zip_with`.
    squares = F.lit(0.0)
    for at in range(len(FEATURES)):
        difference = F.col("features")[at] - of_cluster(lambda segment, at=at: segment.center[at])
        squares += difference * difference
    return assigned.select(
        "customer_unique_id",
        of_cluster(lambda segment: segment.number).alias("ml_segment"),
        of_cluster(lambda segment: segment.label).alias("segment_label"),
        F.sqrt(squares).alias("distance_to_center"),
    )
