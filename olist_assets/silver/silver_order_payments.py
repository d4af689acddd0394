"""silver_order_payments: the number, kinds and value of the payments of each order."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey, OrderReference, Reconciliation
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import OLIST_EVENTS, Metric, Profile, Segment, Threshold, Thresholds
from olist_assets.silver.cleaning import Rules, accepted, sum_of_kept
from olist_assets.silver.expressions import distinct_values

PROFILE = Profile(
    day="order_date",
    source="silver_order_payments JOIN silver_purchases USING (order_id)",
    metrics=(
        Metric("median", "total_payment_value", Threshold(3, "BRL. Payments of a day vary by more.")),
        Metric("mean", "max_installments", Threshold(0.1, "Installments: their mean of a day varies by more.")),
        Metric(
            "share", "max_installments", Threshold(0.01, "Share of payments at once, about half."),
            "max_installments <= 1",
        ),
        Metric(
            "share", "payment_count", Threshold(0.01, "Share of orders with several payments, of which 3 % is usual."),
            "payment_count > 1",
        ),
    ),
    segments=(Segment("primary_payment_type"),),
    known=OLIST_EVENTS,
)  # fmt: skip
SILVER_ORDER_PAYMENTS = Table(
    name="silver_order_payments",
    description="Payments of orders of any status, summed per order.",
    grain="One row per order with at least one payment.",
    key=("order_id",),
    columns=(
        Column("order_id", "string", "Identifier of the order."),
        Column("payment_types", "array<string>", "Distinct payment types of the order, sorted by name."),
        Column("primary_payment_type", "string", "Type of the largest payment; of equal payments the first by name."),
        Column("payment_count", "int", "Number of payments of the order.", minimum=1),
        Column("max_installments", "int", "Largest number of installments of a payment of the order.", minimum=0),
        Column("total_payment_value", "decimal(12,2)", "Sum of the payments of the order.", unit="BRL", minimum=0),
    ),
    # A warning: payments of a rejected order keep their row.
    foreign_keys=(ForeignKey("order_id", "silver_purchases", "order_id", blocking=False),),
    orders=OrderReference("order_id", "order_id"),
    accounting=Accounting(
        source="bronze_order_payments", kept="SELECT coalesce(sum(payment_count), 0) FROM silver_order_payments"
    ),
    thresholds=Thresholds(profiles=(PROFILE,)),
    reconciliations=(
        Reconciliation(
            name="payments_match_bronze",
            left="SELECT sum(total_payment_value) FROM silver_order_payments",
            right=sum_of_kept("bronze_order_payments", ("payment_value",), "DECIMAL(12,2)"),
            description="The sum of all payments equals that of bronze_order_payments without its rejected rows.",
        ),
    ),
)
RULES = Rules(
    subject="order_payments",
    key=("order_id", "payment_sequential"),
    required=("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
)


@table_asset(SILVER_ORDER_PAYMENTS)
def silver_order_payments(bronze_order_payments: DataFrame) -> DataFrame:
    """Number, types and value of the payments per order."""
    largest_first = F.min_by("payment_type", F.struct(-F.col("payment_value"), "payment_type"))
    return (
        accepted(bronze_order_payments, RULES)
        .groupBy("order_id")
        .agg(
            F.array_sort(distinct_values("payment_type")).alias("payment_types"),
            largest_first.alias("primary_payment_type"),
            F.count("*").cast("int").alias("payment_count"),
            F.max("payment_installments").alias("max_installments"),
            F.sum("payment_value").cast("decimal(12,2)").alias("total_payment_value"),
        )
        .select(*SILVER_ORDER_PAYMENTS.column_names)
    )
