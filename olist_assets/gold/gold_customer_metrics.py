"""gold_customer_metrics: delivered orders, RFM scores, segment and lifetime value of each customer."""

from datetime import date
from typing import Any

from pydantic import BaseModel
from pyspark.sql import Column as Expr
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey, Reconciliation, RowCount
from olist_assets.contracts.table import Column, Table
from olist_assets.errors import OlistError
from olist_assets.gold.measures import exact_mean
from olist_assets.silver.expressions import days_between

NO_ORDERS = "No Delivered Orders"
SEGMENTS = (
    "Lost", "At Risk", "Can't Lose Them", "About To Sleep", "Needs Attention", "Champions", "Loyal Customers",
    "Potential Loyalists", "New Customers", "Promising",
)  # fmt: skip
GOLD_CUSTOMER_METRICS = Table(
    name="gold_customer_metrics",
    description=(
        "Recency, frequency, monetary value, RFM segment and lifetime value of each customer. The reference date is "
        "that of the last delivered order's purchase, or the run's `as_of`."
    ),
    grain="One row per customer (customer_unique_id), with or without a delivered order.",
    key=("customer_unique_id",),
    columns=(
        Column(
            "customer_unique_id", "string", "Identifier of the customer, the same in all orders of a person.",
            pii="hash",
        ),
        Column("customer_city", "string", "City in the customer's latest order of any status.", pii="remove"),
        Column("customer_state", "string", "State in the customer's latest order of any status, as two letters."),
        Column(
            "customer_segment", "string", "RFM segment of the customer, by recency, frequency and monetary score.",
            accepted=(NO_ORDERS, *SEGMENTS),
        ),
        Column("first_order_date", "date", "Day of the first delivered order's purchase.", nullable=True),
        Column("last_order_date", "date", "Day of the last delivered order's purchase.", nullable=True),
        Column(
            "recency_days", "int", "Days from the last delivered order to the reference date.",
            nullable=True, unit="days", minimum=0,
        ),
        Column("frequency", "int", "Number of delivered orders.", minimum=0),
        Column(
            "customer_lifetime_days", "int", "Days from the first to the last delivered order.",
            nullable=True, unit="days", minimum=0,
        ),
        Column(
            "tenure_days", "int", "Days from the first delivered order to the reference date.",
            nullable=True, unit="days", minimum=0,
        ),
        Column("total_items_purchased", "int", "Number of items in delivered orders.", minimum=0),
        Column(
            "monetary_value", "decimal(14,2)", "Sum of the values of all delivered orders.", unit="BRL", minimum=0
        ),
        Column(
            "avg_order_value", "decimal(14,2)", "Mean value per delivered order.", nullable=True, unit="BRL", minimum=0
        ),
        Column(
            "clv_12_months", "decimal(14,2)",
            "12-month lifetime value: monetary value times 365, divided by the tenure in days but at least by 365.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_delivery_days", "double", "Mean days from purchase to delivery of delivered orders.",
            nullable=True, unit="days",
        ),
        Column(
            "avg_delivery_delay", "double",
            "Mean days from the promised date to the delivery; positive is late, negative is early.",
            nullable=True, unit="days",
        ),
        Column(
            "avg_review_score", "double", "Mean review score, 1 to 5, of the delivered orders that have a review.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "recency_score", "int", "Score 1 to 5 by quintile of recency; 5 is the most recent.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "frequency_score", "int", "Score 1 to 5 by quintile of frequency; 5 is the most orders.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "monetary_score", "int", "Score 1 to 5 by quintile of monetary value; 5 is the highest value.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "rfm_score", "int", "Sum of recency, frequency and monetary score, 3 to 15.",
            nullable=True, minimum=3, maximum=15,
        ),
    ),
    foreign_keys=(ForeignKey("customer_unique_id", "silver_customers", "customer_unique_id"),),
    row_counts=(
        RowCount(
            "row_count_matches_silver_customers",
            "SELECT count(DISTINCT customer_unique_id) FROM silver_customers",
            "Every customer_unique_id of silver_customers has exactly one row.",
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="monetary_value_matches_silver",
            left="SELECT sum(monetary_value) FROM gold_customer_metrics",
            right="SELECT sum(order_total_value) FROM silver_orders_master WHERE order_date <= "
            "(SELECT max(last_order_date) FROM gold_customer_metrics)",
            description="Value of all customers equals that of the orders in silver_orders_master up to the last one.",
        ),
    ),
)  # fmt: skip

# For tables that have exactly the customers with a delivered order.
EACH_BUYER_ONCE = RowCount(
    "row_count_matches_customers_with_an_order",
    "SELECT count(*) FROM gold_customer_metrics WHERE frequency > 0",
    "Every customer with a delivered order has exactly one row.",
)


class CustomerMetricsConfig(BaseModel):
    """`as_of` (YYYY-MM-DD) is the reference date, after which orders do not count; by default the last purchase."""

    as_of: str | None = None

    def reference_date(self) -> date | None:
        """`as_of` as a date. Raises OlistError if it is not one."""
        try:
            return date.fromisoformat(self.as_of) if self.as_of else None
        except ValueError as error:
            raise OlistError(f"as_of must be a day as YYYY-MM-DD, not {self.as_of!r}.") from error


@table_asset(GOLD_CUSTOMER_METRICS)
def gold_customer_metrics(
    config: CustomerMetricsConfig,
    silver_orders_master: DataFrame,
    silver_customers: DataFrame,
    silver_purchases: DataFrame,
) -> DataFrame:
    """Every customer with metrics, scores and segment as of the reference date."""
    as_of = config.reference_date()
    orders = silver_orders_master if as_of is None else silver_orders_master.where(F.col("order_date") <= F.lit(as_of))
    buyers = with_scores(with_value(orders_by_customer(orders), orders, as_of))
    # One row per customer on both sides.
    customers = latest_home(silver_customers, silver_purchases).join(buyers, on="customer_unique_id", how="left")
    zeros: dict[str, Any] = {"frequency": 0, "total_items_purchased": 0, "monetary_value": 0}
    return customers.fillna(zeros).withColumn("customer_segment", segment()).select(*GOLD_CUSTOMER_METRICS.column_names)


def latest_home(customers: DataFrame, purchases: DataFrame) -> DataFrame:
    """One row per customer: city and state of the latest order of any status; ties by the greater order id."""
    bought = purchases.select("customer_id", "order_id", F.col("order_purchase_timestamp").alias("bought_at"))
    # A window sorts, on disk if need be; an aggregation would hold the places of all customers in memory.
    by_time = ("bought_at", "order_id", "customer_id", "customer_city", "customer_state")
    latest_first = Window.partitionBy("customer_unique_id").orderBy(*map(F.desc_nulls_last, by_time))
    homes = customers.join(bought, on="customer_id", how="left")
    latest = homes.withColumn("place", F.row_number().over(latest_first)).where(F.col("place") == 1)
    return latest.select("customer_unique_id", "customer_city", "customer_state")


def orders_by_customer(orders: DataFrame) -> DataFrame:
    """One row per customer with an order: dates, counts, value and means."""
    return orders.groupBy("customer_unique_id").agg(
        F.min("order_date").alias("first_order_date"),
        F.max("order_date").alias("last_order_date"),
        F.count("*").cast("int").alias("frequency"),
        F.sum("items_count").cast("int").alias("total_items_purchased"),
        F.sum("order_total_value").cast("decimal(14,2)").alias("monetary_value"),
        F.avg("delivery_days").alias("avg_delivery_days"),
        F.avg("delivery_delay").alias("avg_delivery_delay"),
        exact_mean("avg_review_score").alias("avg_review_score"),
    )


def with_value(buyers: DataFrame, orders: DataFrame, as_of: date | None) -> DataFrame:
    """Buyers with recency, tenure and lifetime in days, value per order and value per year."""
    last = orders.agg(F.max("order_date").alias("reference_date")) if as_of is None else None
    dated = buyers.withColumn("reference_date", F.lit(as_of)) if last is None else buyers.crossJoin(F.broadcast(last))
    days = dated.withColumns(
        {
            "recency_days": days_between("last_order_date", "reference_date"),
            "tenure_days": days_between("first_order_date", "reference_date"),
            "customer_lifetime_days": days_between("first_order_date", "last_order_date"),
        }
    )
    year = F.col("monetary_value") * 365 / F.greatest("tenure_days", F.lit(365))
    per_order = F.col("monetary_value") / F.col("frequency")
    return days.withColumns(
        {
            "avg_order_value": F.round(per_order, 2).cast("decimal(14,2)"),
            "clv_12_months": F.round(year, 2).cast("decimal(14,2)"),
        }
    )


def with_scores(buyers: DataFrame) -> DataFrame:
    """Buyers with scores 1-5 by the exact percentiles 0.2, 0.4, 0.6 and 0.8; equal values score equally."""
    features = {"recency": "recency_days", "frequency": "frequency", "monetary": "monetary_value"}
    boundaries = buyers.agg(
        *(F.percentile(column, [0.2, 0.4, 0.6, 0.8]).alias(f"{name}_at") for name, column in features.items())
    )

    def below(name: str) -> Expr:
        value = F.col(features[name]).cast("double")
        return F.size(F.filter(f"{name}_at", lambda boundary: boundary < value))

    scored = buyers.crossJoin(F.broadcast(boundaries)).withColumns(
        {
            "recency_score": 5 - below("recency"),
            "frequency_score": 1 + below("frequency"),
            "monetary_score": 1 + below("monetary"),
        }
    )
    return scored.withColumn("rfm_score", F.col("recency_score") + F.col("frequency_score") + F.col("monetary_score"))


def segment() -> Expr:
    """Name of the first segment whose rule holds; `fm` is the mean of frequency and monetary score, rounded up."""
    recency = F.col("recency_score")
    fm = F.ceil((F.col("frequency_score") + F.col("monetary_score")) / 2)
    return (
        F.when(recency.isNull(), NO_ORDERS)
        .when((recency <= 2) & (fm <= 2), "Lost")
        .when((recency <= 2) & (fm <= 4), "At Risk")
        .when(recency <= 2, "Can't Lose Them")
        .when((recency == 3) & (fm <= 2), "About To Sleep")
        .when((recency == 3) & (fm == 3), "Needs Attention")
        .when((recency == 5) & (fm >= 4), "Champions")
        .when(fm >= 4, "Loyal Customers")
        .when(fm >= 2, "Potential Loyalists")
        .when(recency == 5, "New Customers")
        .otherwise("Promising")
    )
