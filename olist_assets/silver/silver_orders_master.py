"""silver_orders_master: a delivered order with everything known of it."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey, Reconciliation, RowCount
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.silver_orders import SILVER_ORDERS

SILVER_ORDERS_MASTER = Table(
    name="silver_orders_master",
    description="A delivered order with its customer, payment, items and reviews.",
    grain="One row per delivered order.",
    key=("order_id",),
    day="order_date",
    columns=(
        *SILVER_ORDERS.columns,
        Column("customer_unique_id", "string", "The person who bought: the same over all of their orders.", pii="hash"),
        Column("customer_zip_code_prefix", "string", "First five digits of the customer's zip code.", pii="cut"),
        Column("customer_city", "string", "The customer's city.", pii="remove"),
        Column("customer_state", "string", "The customer's state, two letters."),
        Column("primary_payment_type", "string", "Kind of the largest payment.", nullable=True),
        Column("total_payment_value", "decimal(12,2)", "Sum of payments.", nullable=True, unit="BRL", minimum=0),
        Column("total_items_price", "decimal(12,2)", "Sum of item prices.", nullable=True, unit="BRL", minimum=0),
        Column("total_freight_value", "decimal(12,2)", "Sum of item freights.", nullable=True, unit="BRL", minimum=0),
        Column("payment_count", "int", "Payments.", minimum=0),
        Column("max_installments", "int", "Most installments of a payment.", nullable=True, minimum=0),
        Column("items_count", "int", "Items.", minimum=0),
        Column("unique_products_count", "int", "Different products.", minimum=0),
        Column("sellers_count", "int", "Different sellers.", minimum=0),
        Column("review_count", "int", "Reviews that cover the order.", minimum=0),
        Column(
            "avg_review_score", "double", "Mean score; null where there is no review, never filled in.",
            nullable=True, unit="1-5", minimum=1, maximum=5,
        ),
        Column("order_total_value", "decimal(12,2)", "The payment, else price and freight.", unit="BRL", minimum=0),
    ),
    foreign_keys=(ForeignKey("order_id", "silver_orders", "order_id"),),
    accounting=Accounting(source="silver_orders", kept="SELECT count(*) FROM silver_orders_master"),
    row_counts=(
        RowCount(
            "row_count_matches_silver_orders",
            "SELECT count(*) FROM silver_orders SEMI JOIN silver_orders_master USING (order_date)",
            "Over the days that are made, joins keep exactly the left side's rows.",
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="payments_match_silver",
            left="SELECT sum(total_payment_value) FROM silver_orders_master",
            right="SELECT sum(total_payment_value) FROM silver_order_payments "
            "SEMI JOIN silver_orders_master USING (order_id)",
            description="Payments of delivered orders equal silver_order_payments'.",
        ),
        Reconciliation(
            name="item_revenue_matches_silver",
            left="SELECT sum(total_items_price + total_freight_value) FROM silver_orders_master",
            right="SELECT sum(price + freight_value) FROM silver_order_items "
            "SEMI JOIN silver_orders_master USING (order_id)",
            description="Price and freight of delivered orders equal silver_order_items'.",
        ),
    ),
)  # fmt: skip


@table_asset(SILVER_ORDERS_MASTER)
def silver_orders_master(
    silver_orders: DataFrame,
    bronze_customers: DataFrame,
    silver_order_payments: DataFrame,
    silver_order_items: DataFrame,
    silver_order_reviews: DataFrame,
) -> DataFrame:
    """Delivered orders with all that is known of them; each right side has one row an order."""
    # Only what belongs to these orders is summed: those of a day are few.
    customers = bronze_customers.join(silver_orders, on="customer_id", how="left_semi")
    items = silver_order_items.join(silver_orders, on="order_id", how="left_semi")
    reviews = reviews_by_order(silver_order_reviews)
    orders = (
        silver_orders.join(one_row_a_customer(customers), on="customer_id", how="left")
        .join(silver_order_payments.drop("payment_types"), on="order_id", how="left")
        .join(items_by_order(items), on="order_id", how="left")
        .join(reviews, on="order_id", how="left")
    )
    counts = ("payment_count", "items_count", "unique_products_count", "sellers_count", "review_count")
    items_value = F.col("total_items_price") + F.col("total_freight_value")
    total = F.coalesce("total_payment_value", items_value, F.lit(0)).cast("decimal(12,2)")
    return (
        orders.fillna(0, subset=list(counts))
        .withColumn("order_total_value", total)
        .select(*SILVER_ORDERS_MASTER.column_names)
    )


def one_row_a_customer(customers: DataFrame) -> DataFrame:
    """One row a `customer_id`; the smallest of exact duplicates."""
    described = ("customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state")
    return (
        customers.groupBy("customer_id")
        .agg(F.min(F.struct(*described)).alias("customer"))
        .select("customer_id", "customer.*")
    )


def items_by_order(items: DataFrame) -> DataFrame:
    """One row an order: sums and counts of its items."""
    return items.groupBy("order_id").agg(
        F.sum("price").cast("decimal(12,2)").alias("total_items_price"),
        F.sum("freight_value").cast("decimal(12,2)").alias("total_freight_value"),
        F.count("*").cast("int").alias("items_count"),
        F.count_distinct("product_id").cast("int").alias("unique_products_count"),
        F.count_distinct("seller_id").cast("int").alias("sellers_count"),
    )


def reviews_by_order(reviews: DataFrame) -> DataFrame:
    """One row an order: `review_count`, `avg_review_score`. Whole scores, so their mean has no order of summation."""
    return (
        reviews.select(F.explode("order_ids").alias("order_id"), "review_score")
        .groupBy("order_id")
        .agg(F.count("*").cast("int").alias("review_count"), F.avg("review_score").alias("avg_review_score"))
    )
