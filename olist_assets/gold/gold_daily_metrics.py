"""gold_daily_metrics: delivered orders and revenue per calendar day, with trailing averages and growth."""

from datetime import date
from typing import Any

from pyspark.sql import Column as Expr
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.rules import Reconciliation, RowCount, Trailing
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Freshness, Thresholds, Volume
from olist_assets.gold.measures import exact_mean, money_mean, share
from olist_assets.silver.expressions import days_between, distinct_count

# Days before a day that its yearly growth depends on: 30 days that end 365 days earlier.
LOOK_BACK_DAYS = 394


GOLD_DAILY_METRICS = Table(
    name="gold_daily_metrics",
    description="Delivered orders and their revenue by day of purchase, with trailing averages and growth.",
    grain="One row per calendar day from the first to the last purchase, including days without an order.",
    key=("order_date",),
    day="order_date",
    columns=(
        Column("order_date", "date", "Calendar day of the purchases."),
        Column("orders_count", "int", "Delivered orders that were bought on this day.", minimum=0),
        Column("unique_customers", "int", "Distinct customers with a delivered order bought on this day.", minimum=0),
        Column("items_sold", "int", "Items in the delivered orders of this day.", minimum=0),
        Column("revenue", "decimal(14,2)", "Sum of the values of this day's delivered orders.", unit="BRL", minimum=0),
        Column(
            "avg_order_value", "decimal(14,2)", "Mean value per delivered order of this day; null without an order.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_delivery_days", "double", "Mean days from purchase to delivery of this day's orders.",
            nullable=True, unit="days",
        ),
        Column(
            "avg_review_score", "double", "Mean review score, 1 to 5, of this day's orders that have a review.",
            nullable=True, minimum=1, maximum=5,
        ),
        Column(
            "orders_7d_avg", "double", "Mean delivered orders per day over the 7 days that end with this one.",
            minimum=0,
        ),
        Column(
            "revenue_7d_avg", "double", "Mean revenue per day over the 7 days that end with this one.",
            unit="BRL", minimum=0,
        ),
        Column(
            "orders_30d_avg", "double", "Mean delivered orders per day over the 30 days that end with this one.",
            minimum=0,
        ),
        Column(
            "revenue_30d_avg", "double", "Mean revenue per day over the 30 days that end with this one.",
            unit="BRL", minimum=0,
        ),
        Column(
            "revenue_mom_growth", "double",
            "Revenue of the 30 days that end with this one, divided by that of the 30 days before, minus 1; null with "
            "fewer than 60 days of history or no revenue before.",
            nullable=True, minimum=-1,
        ),
        Column(
            "revenue_yoy_growth", "double",
            "Revenue of the 30 days that end with this one, divided by that of the 30 days 365 days earlier, minus 1; "
            "null with fewer than 395 days of history or no revenue then.",
            nullable=True, minimum=-1,
        ),
    ),
    trailing=Trailing(
        days=LOOK_BACK_DAYS,
        columns=(
            "orders_7d_avg", "revenue_7d_avg", "orders_30d_avg", "revenue_30d_avg",
            "revenue_mom_growth", "revenue_yoy_growth",
        ),
        complete=lambda days, calendar: with_trailing_columns(days, calendar.first),
    ),
    row_counts=(
        RowCount(
            "no_day_before_the_last_is_missing",
            "SELECT CAST(max(order_date) - DATE '{first_day}' AS BIGINT) + 1 FROM gold_daily_metrics",
            "Every day up to the last one has a row: trailing columns would count a missing day as one without orders.",
            blocking=False,
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="revenue_matches_silver",
            left="SELECT sum(revenue) FROM gold_daily_metrics",
            right="SELECT sum(order_total_value) FROM silver_orders_master "
            "SEMI JOIN gold_daily_metrics USING (order_date)",
            description="Revenue of all days equals the value of their orders in silver_orders_master.",
        ),
    ),
    thresholds=Thresholds(freshness=Freshness("order_date"), volume=Volume(day="order_date", measure="orders_count")),
)  # fmt: skip


@table_asset(GOLD_DAILY_METRICS)
def gold_daily_metrics(calendar: Resource[Calendar], silver_orders_master: DataFrame) -> DataFrame:
    """Every calendar day with its own metrics.

    The IO manager adds the trailing columns, over all days of the table.
    """
    return with_every_day(orders_by_day(silver_orders_master), silver_orders_master, calendar)


def orders_by_day(orders: DataFrame) -> DataFrame:
    """One row per day with a delivered order."""
    return orders.groupBy("order_date").agg(
        F.count("*").cast("int").alias("orders_count"),
        distinct_count("customer_unique_id").alias("unique_customers"),
        F.sum("items_count").cast("int").alias("items_sold"),
        F.sum("order_total_value").cast("decimal(14,2)").alias("revenue"),
        F.avg("delivery_days").alias("avg_delivery_days"),
        exact_mean("avg_review_score").alias("avg_review_score"),
    )


def with_every_day(days: DataFrame, orders: DataFrame, calendar: Calendar) -> DataFrame:
    """Every day of the calendar, with zeros where it has no order, and `avg_order_value`."""
    # An aggregation without keys returns one row even for no orders: the calendar needs no session.
    every_day = orders.agg(F.count("*")).select(
        F.explode(F.sequence(F.lit(calendar.first), F.lit(calendar.last))).alias("order_date")
    )
    zeros: dict[str, Any] = {"orders_count": 0, "unique_customers": 0, "items_sold": 0, "revenue": 0}
    # One row per day on both sides.
    joined = every_day.join(days, on="order_date", how="left").fillna(zeros)
    return joined.withColumn("avg_order_value", money_mean("revenue", "orders_count", "decimal(14,2)"))


def with_trailing_columns(days: DataFrame, first_day: date) -> DataFrame:
    """Days with averages over the last 7 and 30 calendar days and growth of revenue.

    At the beginning of the data an average is over the days that exist.
    """
    trailing = {
        f"{name}_{length}d_avg": mean_of_last(column, length, first_day)
        for name, column in (("orders", "orders_count"), ("revenue", "revenue"))
        for length in (7, 30)
    }
    history = days_since(first_day)
    growth = {
        "revenue_mom_growth": F.when(history >= 60, growth_over(30)),
        "revenue_yoy_growth": F.when(history >= LOOK_BACK_DAYS + 1, growth_over(365)),
    }
    return days.withColumns({**trailing, **growth})


def days_since(first_day: date) -> Expr:
    """Calendar days from the first day of the data to the row's day, both included."""
    return days_between(F.lit(first_day), "order_date") + 1


def over_last(measure: Expr, length: int, ending: int = 0) -> Expr:
    """A measure over the `length` calendar days that end `ending` days before the row's day."""
    by_day = Window.orderBy(F.unix_date("order_date"))
    return measure.over(by_day.rangeBetween(-(ending + length - 1), -ending))


def mean_of_last(column: str, length: int, first_day: date) -> Expr:
    """Exact sum of a column over the last `length` days, divided by the number of those days that exist; DOUBLE."""
    return over_last(F.sum(column), length).cast("double") / F.least(days_since(first_day), F.lit(length))


def growth_over(days: int) -> Expr:
    """Revenue of the last 30 days divided by that of the 30 days `days` earlier, minus 1; null if that is zero."""
    before = over_last(F.sum("revenue"), 30, ending=days)
    return share(over_last(F.sum("revenue"), 30), before) - 1
