"""gold_segment_profiles: size, averages and revenue of each customer segment."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Reconciliation
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.measures import decimal_mean, exact_mean, share

GOLD_SEGMENT_PROFILES = Table(
    name="gold_segment_profiles",
    description="Number of customers, averages and revenue of each customer segment, by RFM and by k-means.",
    grain="One row per segment of each segmentation method.",
    key=("segment_kind", "segment"),
    columns=(
        Column(
            "segment_kind", "string",
            "Method of the segmentation: `rfm` by rules on the RFM scores, `kmeans` by the segmentation model.",
            accepted=("rfm", "kmeans"),
        ),
        Column("segment", "string", "Name of the segment."),
        Column("customers", "int", "Customers in the segment.", minimum=1),
        Column(
            "customer_share", "double", "Share, 0 to 1, of all customers that this method segments.",
            minimum=0, maximum=1,
        ),
        Column(
            "avg_recency_days", "double", "Mean days from a customer's last delivered order to the reference date.",
            nullable=True, unit="days", minimum=0,
        ),
        Column("avg_frequency", "double", "Mean number of delivered orders per customer.", minimum=0),
        Column(
            "avg_monetary_value", "double", "Mean value of all delivered orders per customer.", unit="BRL", minimum=0
        ),
        Column(
            "avg_clv_12_months", "double", "Mean 12-month lifetime value per customer with a delivered order.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_review_score", "double", "Mean over the customers of their mean review score, 1 to 5.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "revenue", "decimal(14,2)", "Sum of the values of the customers' delivered orders.", unit="BRL", minimum=0
        ),
        Column(
            "revenue_share", "double", "Share, 0 to 1, of the revenue of all customers that this method segments.",
            nullable=True, minimum=0, maximum=1,
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="revenue_matches_customers",
            left="SELECT sum(revenue) FROM gold_segment_profiles WHERE segment_kind = 'rfm'",
            right="SELECT sum(monetary_value) FROM gold_customer_metrics",
            description="Revenue of all RFM segments equals the value of all customers in gold_customer_metrics.",
        ),
    ),
)  # fmt: skip


@table_asset(GOLD_SEGMENT_PROFILES)
def gold_segment_profiles(gold_customer_metrics: DataFrame, gold_customer_segments_ml: DataFrame) -> DataFrame:
    """Profiles of the RFM segments and of the k-means segments."""
    rfm = gold_customer_metrics.withColumns({"segment_kind": F.lit("rfm"), "segment": F.col("customer_segment")})
    found = gold_customer_segments_ml.select("customer_unique_id", F.col("segment_label").alias("segment"))
    # One row per customer on both sides.
    kmeans = gold_customer_metrics.join(found, on="customer_unique_id", how="inner").withColumn(
        "segment_kind", F.lit("kmeans")
    )
    everyone = Window.partitionBy("segment_kind")
    profiles = (
        rfm.unionByName(kmeans)
        .groupBy("segment_kind", "segment")
        .agg(
            F.count("*").cast("int").alias("customers"),
            F.avg("recency_days").alias("avg_recency_days"),
            F.avg("frequency").alias("avg_frequency"),
            decimal_mean("monetary_value").alias("avg_monetary_value"),
            decimal_mean("clv_12_months").alias("avg_clv_12_months"),
            exact_mean("avg_review_score").alias("avg_review_score"),
            F.sum("monetary_value").cast("decimal(14,2)").alias("revenue"),
        )
    )
    return profiles.withColumns(
        {
            "customer_share": share("customers", F.sum("customers").over(everyone)),
            "revenue_share": share("revenue", F.sum("revenue").over(everyone)),
        }
    ).select(*GOLD_SEGMENT_PROFILES.column_names)
