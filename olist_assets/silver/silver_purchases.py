"""silver_purchases: when and by whom each order was placed, whatever its status."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.cleaning import accepted
from olist_assets.silver.silver_orders import RULES

SILVER_PURCHASES = Table(
    name="silver_purchases",
    description="Orders of any status, each with its customer and the time of the purchase.",
    grain="One row per order, delivered or not.",
    key=("order_id",),
    columns=(
        Column("order_id", "string", "Identifier of the order."),
        Column(
            "customer_id", "string",
            "Identifier of the customer within this order; the same person has another one in each order.", pii="hash",
        ),
        Column("order_status", "string", "Status of the order, for example `delivered`, `shipped` or `canceled`."),
        Column("order_purchase_timestamp", "timestamp", "Time of the purchase."),
        Column("order_date", "date", "Day of the purchase."),
    ),
    foreign_keys=(ForeignKey("customer_id", "silver_customers", "customer_id"),),
    accounting=Accounting(source="bronze_orders", kept="SELECT count(*) FROM silver_purchases"),
)  # fmt: skip


@table_asset(SILVER_PURCHASES)
def silver_purchases(bronze_orders: DataFrame, silver_customers: DataFrame) -> DataFrame:
    """Orders of any status with their day of purchase."""
    orders = accepted(bronze_orders, RULES, silver_customers)
    return orders.withColumn("order_date", F.to_date("order_purchase_timestamp")).select(*SILVER_PURCHASES.column_names)
