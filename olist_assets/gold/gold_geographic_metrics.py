"""gold_geographic_metrics: orders, revenue, delivery and location of each city."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Reconciliation, RowCount
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.measures import exact_mean, money_mean
from olist_assets.silver.expressions import distinct_count
from olist_assets.silver.silver_geolocation import EAST, NORTH, SOUTH, WEST

GOLD_GEOGRAPHIC_METRICS = Table(
    name="gold_geographic_metrics",
    description="Delivered orders, their revenue and delivery by the customer's city, with its coordinates.",
    grain="One row per state and city in which any customer lives, with or without a delivered order.",
    key=("customer_state", "customer_city"),
    columns=(
        Column("customer_state", "string", "State of the customers, as two letters."),
        Column("customer_city", "string", "City of the customers."),
        Column("total_orders", "int", "Delivered orders of customers in this city.", minimum=0),
        Column("unique_customers", "int", "Distinct customers with a delivered order in this city.", minimum=0),
        Column(
            "total_revenue", "decimal(14,2)", "Sum of the values of the city's delivered orders.", unit="BRL", minimum=0
        ),
        Column(
            "avg_order_value", "decimal(14,2)", "Mean value per delivered order; null without one.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_delivery_days", "double", "Mean days from purchase to delivery of the city's orders.",
            nullable=True, unit="days",
        ),
        Column(
            "avg_delivery_delay", "double",
            "Mean days from the promised date to the delivery; positive is late, negative is early.",
            nullable=True, unit="days",
        ),
        Column(
            "on_time_rate", "double",
            "Share, 0 to 1, of the orders with a delivery date that arrived by the promised date.",
            nullable=True, minimum=0, maximum=1,
        ),
        Column(
            "avg_review_score", "double", "Mean review score, 1 to 5, of the city's orders that have a review.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "latitude", "double",
            "Latitude in degrees: median over the city's zip code prefixes of the median of their points in Brazil.",
            nullable=True, minimum=SOUTH, maximum=NORTH,
        ),
        Column(
            "longitude", "double",
            "Longitude in degrees: median over the city's zip code prefixes of the median of their points in Brazil.",
            nullable=True, minimum=WEST, maximum=EAST,
        ),
    ),
    row_counts=(
        RowCount(
            "row_count_matches_silver_customers",
            "SELECT count(*) FROM (SELECT DISTINCT customer_state, customer_city FROM silver_customers)",
            "Every state and city of silver_customers has exactly one row.",
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="revenue_matches_silver",
            left="SELECT sum(total_revenue) FROM gold_geographic_metrics",
            right="SELECT sum(order_total_value) FROM silver_orders_master",
            description="Revenue of all cities equals the value of all orders in silver_orders_master.",
        ),
    ),
)  # fmt: skip
PLACE = ["customer_state", "customer_city"]


@table_asset(GOLD_GEOGRAPHIC_METRICS)
def gold_geographic_metrics(
    silver_orders_master: DataFrame, silver_customers: DataFrame, silver_geolocation: DataFrame
) -> DataFrame:
    """Every city of a customer with its delivered orders and coordinates."""
    cities = silver_customers.select(*PLACE).distinct()
    places = median_places(silver_customers, silver_geolocation)
    # One row per city on each side.
    joined = cities.join(orders_by_city(silver_orders_master), on=PLACE, how="left").join(places, on=PLACE, how="left")
    average = money_mean("total_revenue", "total_orders", "decimal(14,2)")
    return (
        joined.fillna({"total_orders": 0, "unique_customers": 0, "total_revenue": 0})
        .withColumn("avg_order_value", average)
        .select(*GOLD_GEOGRAPHIC_METRICS.column_names)
    )


def orders_by_city(orders: DataFrame) -> DataFrame:
    """One row per city with a delivered order."""
    on_time = (F.col("delivery_delay") <= 0).cast("int")  # null, so not counted, without a delivery date
    return orders.groupBy(*PLACE).agg(
        F.count("*").cast("int").alias("total_orders"),
        distinct_count("customer_unique_id").alias("unique_customers"),
        F.sum("order_total_value").cast("decimal(14,2)").alias("total_revenue"),
        F.avg("delivery_days").alias("avg_delivery_days"),
        F.avg("delivery_delay").alias("avg_delivery_delay"),
        F.avg(on_time).alias("on_time_rate"),
        exact_mean("avg_review_score").alias("avg_review_score"),
    )


def median_places(customers: DataFrame, geolocation: DataFrame) -> DataFrame:
    """One row per city: the median of the medians of its zip code prefixes.

    That way a prefix with many points does not outweigh the others.
    """
    prefixes = geolocation.select(F.col("zip_code_prefix").alias("customer_zip_code_prefix"), "latitude", "longitude")
    homes = customers.select(*PLACE, "customer_zip_code_prefix").distinct()
    # One row per prefix on the right.
    placed = homes.join(prefixes, on="customer_zip_code_prefix", how="inner")
    return placed.groupBy(*PLACE).agg(*(F.median(axis).alias(axis) for axis in ("latitude", "longitude")))
