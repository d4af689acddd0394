"""silver_orders_master: delivered orders with their customer, payments, items and reviews."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey, Reconciliation, RowCount
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import OLIST_EVENTS, Metric, Profile, Threshold, Thresholds
from olist_assets.silver.expressions import distinct_count
from olist_assets.silver.silver_orders import SILVER_ORDERS

RARE = "of which there is less than one per day"
PROFILE = Profile(
    day="order_date",
    metrics=(
        Metric("mean", "items_count", Threshold(0.02, "Items per order: a single order of twenty items adds as much.")),
        Metric("share", "items_count", Threshold(0.002, f"Share of orders without items, {RARE}."), "items_count = 0"),
        Metric(
            "share", "total_payment_value", Threshold(0.002, f"Share of orders without a payment, {RARE}."),
            "total_payment_value IS NULL",
        ),
        Metric(
            "share", "order_total_value",
            Threshold(0.01, f"Share of orders whose payments are not the price and freight of their items, {RARE}."),
            "abs(total_payment_value - total_items_price - total_freight_value) > 0.05",
        ),
        Metric("median", "delivery_days", Threshold(0.5, "Days. The median of a day is a whole number.")),
        Metric(
            "share", "order_approved_at", Threshold(0.002, f"Share of orders approved before their purchase, {RARE}."),
            "order_approved_at < order_purchase_timestamp",
        ),
        Metric("share", "review_count", Threshold(0.004, "Share of orders without a review."), "review_count = 0"),
    ),
    settling_days=Threshold(14, "Days. Newer orders are not delivered yet, so only fast deliveries are in the table."),
    known=OLIST_EVENTS,
    explained_by=("customer_state", "primary_payment_type"),
)  # fmt: skip
SILVER_ORDERS_MASTER = Table(
    name="silver_orders_master",
    description="Delivered orders, each with its customer, payments, items and reviews.",
    grain="One row per delivered order.",
    key=("order_id",),
    day="order_date",
    columns=(
        *SILVER_ORDERS.columns,
        Column(
            "customer_unique_id", "string", "Identifier of the customer, the same in all orders of a person.",
            pii="hash",
        ),
        Column("customer_zip_code_prefix", "string", "First five digits of the customer's zip code.", pii="cut"),
        Column("customer_city", "string", "City of the customer in this order.", pii="remove"),
        Column("customer_state", "string", "State of the customer in this order, as two letters."),
        Column(
            "primary_payment_type", "string", "Type of the largest payment; of equal payments the first by name.",
            nullable=True,
        ),
        Column(
            "total_payment_value", "decimal(12,2)", "Sum of the payments of the order; null without a payment.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "total_items_price", "decimal(12,2)", "Sum of the prices of the order's items; null without an item.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "total_freight_value", "decimal(12,2)", "Sum of the freight of the order's items; null without an item.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column("payment_count", "int", "Number of payments of the order.", minimum=0),
        Column(
            "max_installments", "int", "Largest number of installments of a payment; null without a payment.",
            nullable=True, minimum=0,
        ),
        Column("items_count", "int", "Number of items in the order.", minimum=0),
        Column("unique_products_count", "int", "Number of distinct products in the order.", minimum=0),
        Column("sellers_count", "int", "Number of distinct sellers of the order's items.", minimum=0),
        Column("review_count", "int", "Number of reviews that cover the order.", minimum=0),
        Column(
            "avg_review_score", "double", "Mean score of the reviews that cover the order; null without a review.",
            nullable=True, unit="1-5", minimum=1, maximum=5,
        ),
        Column(
            "order_total_value", "decimal(12,2)",
            "Value of the order: the sum of its payments, or of price and freight if it has no payment.",
            unit="BRL", minimum=0,
        ),
    ),
    foreign_keys=(ForeignKey("order_id", "silver_orders", "order_id"),),
    accounting=Accounting(source="silver_orders", kept="SELECT count(*) FROM silver_orders_master"),
    thresholds=Thresholds(profiles=(PROFILE,)),
    row_counts=(
        RowCount(
            "row_count_matches_silver_orders",
            "SELECT count(*) FROM silver_orders SEMI JOIN silver_orders_master USING (order_date)",
            "On the days of this table it has exactly the orders of silver_orders: no join drops or repeats one.",
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="payments_match_silver",
            left="SELECT sum(total_payment_value) FROM silver_orders_master",
            right="SELECT sum(total_payment_value) FROM silver_order_payments "
            "SEMI JOIN silver_orders_master USING (order_id)",
            description="The payments of these orders have the same sum in silver_order_payments.",
        ),
        Reconciliation(
            name="item_revenue_matches_silver",
            left="SELECT sum(total_items_price + total_freight_value) FROM silver_orders_master",
            right="SELECT sum(price + freight_value) FROM silver_order_items "
            "SEMI JOIN silver_orders_master USING (order_id)",
            description="Price plus freight of these orders has the same sum in silver_order_items.",
        ),
    ),
)  # fmt: skip


@table_asset(SILVER_ORDERS_MASTER)
def silver_orders_master(
    silver_orders: DataFrame,
    silver_customers: DataFrame,
    silver_order_payments: DataFrame,
    silver_order_items: DataFrame,
    silver_order_reviews: DataFrame,
) -> DataFrame:
    """Delivered orders with their customer, payments, items and reviews."""
    # Only the rows of these orders are aggregated: a run of one day has few of them.
    customers = silver_customers.join(silver_orders, on="customer_id", how="left_semi")
    items = silver_order_items.join(silver_orders, on="order_id", how="left_semi")
    reviews = reviews_by_order(silver_order_reviews)
    # Each right side has one row per order or per customer_id, so no join repeats an order.
    orders = (
        silver_orders.join(customers, on="customer_id", how="left")
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


def items_by_order(items: DataFrame) -> DataFrame:
    """One row per order: sums and counts of its items."""
    return items.groupBy("order_id").agg(
        F.sum("price").cast("decimal(12,2)").alias("total_items_price"),
        F.sum("freight_value").cast("decimal(12,2)").alias("total_freight_value"),
        F.count("*").cast("int").alias("items_count"),
        distinct_count("product_id").alias("unique_products_count"),
        distinct_count("seller_id").alias("sellers_count"),
    )


def reviews_by_order(reviews: DataFrame) -> DataFrame:
    """One row per order: `review_count` and `avg_review_score`.

    Scores are whole numbers, so their mean does not depend on the order of summation.
    """
    return (
        reviews.select(F.explode("order_ids").alias("order_id"), "review_score")
        .groupBy("order_id")
        .agg(F.count("*").cast("int").alias("review_count"), F.avg("review_score").alias("avg_review_score"))
    )
