"""silver_orders: delivered orders with typed timestamps and delivery times."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Freshness, Threshold, Thresholds
from olist_assets.silver.cleaning import Rules, accepted
from olist_assets.silver.expressions import days_between

SILVER_ORDERS = Table(
    name="silver_orders",
    description="Delivered orders with typed timestamps, delivery time and delay.",
    grain="One row per delivered order.",
    key=("order_id",),
    day="order_date",
    columns=(
        Column("order_id", "string", "Identifier of the order."),
        Column(
            "customer_id", "string",
            "Identifier of the customer within this order; the same person has another one in each order.", pii="hash",
        ),
        Column("order_status", "string", "Status of the order, here always `delivered`.", accepted=("delivered",)),
        Column("order_purchase_timestamp", "timestamp", "Time of the purchase."),
        Column("order_approved_at", "timestamp", "Time at which the payment was approved.", nullable=True),
        Column(
            "order_delivered_carrier_date", "timestamp", "Time at which the order was handed to the carrier.",
            nullable=True,
        ),
        Column(
            "order_delivered_customer_date", "timestamp", "Time at which the customer received the order.",
            nullable=True,
        ),
        Column("order_estimated_delivery_date", "timestamp", "Delivery date that was promised at the purchase."),
        Column("order_date", "date", "Day of the purchase."),
        Column(
            "delivery_days", "int", "Calendar days from the purchase to the delivery.", nullable=True, unit="days",
            minimum=0, maximum=1000,
        ),
        Column(
            "delivery_delay", "int",
            "Calendar days from the promised date to the delivery; positive is late, negative is early.",
            nullable=True, unit="days", minimum=-1000, maximum=1000,
        ),
    ),
    foreign_keys=(ForeignKey("customer_id", "silver_customers", "customer_id"),),
    accounting=Accounting(
        source="bronze_orders",
        kept="SELECT count(*) FROM silver_orders",
        filtered="SELECT count(*) FROM silver_purchases WHERE order_status <> 'delivered'",
    ),
    thresholds=Thresholds(
        freshness=Freshness(
            "order_date",
            Threshold(
                60, "Days. The published delivered orders end 49 days before the last purchase of any status."
            ),
        ),
    ),
)  # fmt: skip
RULES = Rules(
    subject="orders",
    key=("order_id",),
    required=("order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_estimated_delivery_date"),
)


@table_asset(SILVER_ORDERS)
def silver_orders(bronze_orders: DataFrame, silver_customers: DataFrame) -> DataFrame:
    """Delivered orders with typed columns, their day of purchase, delivery time and delay."""
    delivered = accepted(bronze_orders, RULES, silver_customers).where(F.col("order_status") == "delivered")
    return with_delivery_times(delivered).select(*SILVER_ORDERS.column_names)


def with_delivery_times(orders: DataFrame) -> DataFrame:
    """Orders with `order_date`, `delivery_days` and `delivery_delay`, the last two null without a delivery date."""
    delivered = F.to_date("order_delivered_customer_date")
    return orders.withColumn("order_date", F.to_date("order_purchase_timestamp")).withColumns(
        {
            "delivery_days": days_between("order_date", delivered),
            "delivery_delay": days_between(F.to_date("order_estimated_delivery_date"), delivered),
        }
    )
