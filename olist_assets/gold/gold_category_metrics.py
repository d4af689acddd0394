"""gold_category_metrics: sales, sellers, shares of revenue and reviews of each product category."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Reconciliation
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.measures import exact_mean, money_mean, score_by_order, share
from olist_assets.silver.expressions import distinct_values

CATEGORY = "product_category_name_english"
GOLD_CATEGORY_METRICS = Table(
    name="gold_category_metrics",
    description="Sales of each category. Revenue is the price of the items, without freight, in orders of any status.",
    grain="One row per category of a product in the catalogue, sold or not, or of a sold item.",
    key=(CATEGORY,),
    columns=(
        Column(
            CATEGORY, "string",
            "Category in English; in Portuguese without a translation, `unknown` for products without a category.",
        ),
        Column("total_orders", "int", "Orders of any status that contain a product of the category.", minimum=0),
        Column("units_sold", "int", "Units of the category's products in orders of any status.", minimum=0),
        Column("products_count", "int", "Products of the category in the catalogue, sold or not.", minimum=0),
        Column("sellers_count", "int", "Distinct sellers that sold a product of the category.", minimum=0),
        Column(
            "revenue_rank", "int",
            "Rank by revenue among all categories, 1 is the highest; equal revenue shares a rank.", minimum=1,
        ),
        Column("total_revenue", "decimal(14,2)", "Sum of the prices of all units sold.", unit="BRL", minimum=0),
        Column("total_freight", "decimal(14,2)", "Sum of the freight of all units sold.", unit="BRL", minimum=0),
        Column(
            "avg_price", "decimal(12,2)", "Mean price per unit sold; null if none was sold.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_freight", "decimal(12,2)", "Mean freight per unit sold; null if none was sold.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "revenue_share", "double", "Share, 0 to 1, of the revenue of all categories.",
            nullable=True, minimum=0, maximum=1,
        ),
        Column(
            "freight_share", "double", "Freight divided by revenue: BRL of freight per BRL of price.",
            nullable=True, minimum=0,
        ),
        Column(
            "avg_review_score", "double", "Mean review score, 1 to 5, of the category's orders; an order counts once.",
            nullable=True, minimum=1, maximum=5,
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="revenue_matches_silver",
            left="SELECT sum(total_revenue) FROM gold_category_metrics",
            right="SELECT sum(price) FROM silver_order_items",
            description="Revenue of all categories equals the price of all items in silver_order_items.",
        ),
    ),
)  # fmt: skip


@table_asset(GOLD_CATEGORY_METRICS)
def gold_category_metrics(
    silver_order_items: DataFrame, silver_order_reviews: DataFrame, gold_product_metrics: DataFrame
) -> DataFrame:
    """Every category of the catalogue with its sales."""
    catalogue = gold_product_metrics.groupBy(CATEGORY).agg(F.count("*").cast("int").alias("products_count"))
    sales = sales_by_category(silver_order_items, silver_order_reviews)
    counts = ("products_count", "total_orders", "units_sold", "sellers_count")
    # One row per category on both sides. Items of products that are not in the catalogue have the category `unknown`.
    sold = catalogue.join(sales, on=CATEGORY, how="full").fillna(0, subset=[*counts, "total_revenue", "total_freight"])
    everything = Window.partitionBy(F.lit(1))
    return sold.withColumns(
        {
            "revenue_rank": F.rank().over(Window.orderBy(F.desc("total_revenue"))),
            "avg_price": money_mean("total_revenue", "units_sold", "decimal(12,2)"),
            "avg_freight": money_mean("total_freight", "units_sold", "decimal(12,2)"),
            "revenue_share": share("total_revenue", F.sum("total_revenue").over(everything)),
            "freight_share": share("total_freight", F.col("total_revenue")),
        }
    ).select(*GOLD_CATEGORY_METRICS.column_names)


def sales_by_category(items: DataFrame, reviews: DataFrame) -> DataFrame:
    """One row per category that was sold.

    Items are first aggregated to one row per category and order, so that the score of an order counts once.
    """
    by_order = items.groupBy(CATEGORY, "order_id").agg(
        F.count("*").alias("units"),
        F.sum("price").alias("price"),
        F.sum("freight_value").alias("freight"),
        distinct_values("seller_id").alias("sellers"),
    )
    return (
        by_order.join(score_by_order(reviews), on="order_id", how="left")
        .groupBy(CATEGORY)
        .agg(
            F.count("*").cast("int").alias("total_orders"),
            F.sum("units").cast("int").alias("units_sold"),
            F.size(F.array_distinct(F.flatten(F.collect_list("sellers")))).alias("sellers_count"),
            F.sum("price").cast("decimal(14,2)").alias("total_revenue"),
            F.sum("freight").cast("decimal(14,2)").alias("total_freight"),
            exact_mean("order_score").alias("avg_review_score"),
        )
    )
