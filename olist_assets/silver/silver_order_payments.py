"""silver_order_payments: how and how much each order paid."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey, OrderReference, Reconciliation
from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.cleaning import Rules, accepted, sum_of_kept

SILVER_ORDER_PAYMENTS = Table(
    name="silver_order_payments",
    description="Payments summed up by order.",
    grain="One row per order that has a payment.",
    key=("order_id",),
    columns=(
        Column("order_id", "string", "The order."),
        Column("payment_types", "array<string>", "The kinds of payment used, distinct and sorted."),
        Column("primary_payment_type", "string", "Kind of the largest single payment; ties by name."),
        Column("payment_count", "int", "Payments of the order.", minimum=1),
        Column("max_installments", "int", "Most installments of any payment.", minimum=0),
        Column("total_payment_value", "decimal(12,2)", "Sum of the payments.", unit="BRL", minimum=0),
    ),
    foreign_keys=(ForeignKey("order_id", "bronze_orders", "order_id"),),
    orders=OrderReference("order_id", "order_id"),
    accounting=Accounting(
        source="bronze_order_payments", kept="SELECT coalesce(sum(payment_count), 0) FROM silver_order_payments"
    ),
    reconciliations=(
        Reconciliation(
            name="payments_match_bronze",
            left="SELECT sum(total_payment_value) FROM silver_order_payments",
            right=sum_of_kept("bronze_order_payments", ("payment_value",), "DECIMAL(12,2)"),
            description="The sum of all payments equals bronze's, less the rejected rows'.",
        ),
    ),
)
RULES = Rules(
    source="bronze_order_payments",
    key=("order_id", "payment_sequential"),
    required=("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
    types=SOURCES["order_payments"].types,
)


@table_asset(SILVER_ORDER_PAYMENTS)
def silver_order_payments(bronze_order_payments: DataFrame) -> DataFrame:
    """Payments by order."""
    largest_first = F.min_by("payment_type", F.struct(-F.col("payment_value"), "payment_type"))
    return (
        accepted(bronze_order_payments, RULES)
        .groupBy("order_id")
        .agg(
            F.array_sort(F.collect_set("payment_type")).alias("payment_types"),
            largest_first.alias("primary_payment_type"),
            F.count("*").cast("int").alias("payment_count"),
            F.max("payment_installments").alias("max_installments"),
            F.sum("payment_value").cast("decimal(12,2)").alias("total_payment_value"),
        )
        .select(*SILVER_ORDER_PAYMENTS.column_names)
    )
