"""silver_purchases: when and by whom each order was placed, whatever its status."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import OLIST_EVENTS, Metric, Profile, Segment, Threshold, Thresholds
from olist_assets.silver.cleaning import accepted
from olist_assets.silver.silver_orders import RULES

PLACED = Profile(
    day="order_date",
    source="silver_purchases JOIN silver_customers USING (customer_id)",
    metrics=(
        Metric("rows", "order_id", Threshold(0.08, "Log of the ratio: half more or a third fewer, as a volume.")),
        Metric(
            "share", "order_purchase_timestamp",
            Threshold(0.02, "Share of purchases between 1 and 7 o'clock; a clock that is wrong by hours moves more."),
            "extract(hour FROM order_purchase_timestamp) BETWEEN 1 AND 6",
        ),
        Metric(
            "share", "order_status", Threshold(0.02, "Share of canceled or unavailable orders, of which 1 % is usual."),
            "order_status IN ('canceled', 'unavailable')",
        ),
        Metric(
            "distinct_share", "customer_zip_code_prefix",
            Threshold(0.01, "Prefixes per order: nearly each order of a day comes from another one."),
        ),
    ),
    segments=(Segment("customer_state"),),
    known=OLIST_EVENTS,
)  # fmt: skip
SETTLED = Profile(
    day="order_date",
    metrics=(
        Metric(
            "share", "order_status_delivered", Threshold(0.015, "Share of delivered orders, of which 97 % is usual."),
            "order_status = 'delivered'",
        ),
    ),
    settling_days=Threshold(30, "Days. Nineteen of twenty orders are delivered within that time."),
    known=OLIST_EVENTS,
)  # fmt: skip
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
    thresholds=Thresholds(profiles=(PLACED, SETTLED)),
)  # fmt: skip


@table_asset(SILVER_PURCHASES)
def silver_purchases(bronze_orders: DataFrame, silver_customers: DataFrame) -> DataFrame:
    """Orders of any status with their day of purchase."""
    orders = accepted(bronze_orders, RULES, silver_customers)
    return orders.withColumn("order_date", F.to_date("order_purchase_timestamp")).select(*SILVER_PURCHASES.column_names)
