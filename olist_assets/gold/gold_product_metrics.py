"""gold_product_metrics: sales, prices, freight and reviews of each product."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey, Reconciliation, RowCount
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.measures import exact_mean, money_mean, score_by_order

GOLD_PRODUCT_METRICS = Table(
    name="gold_product_metrics",
    description="Sales of each product. Revenue is the price of the items, without freight, in orders of any status.",
    grain="One row per product of the catalogue, sold or not.",
    key=("product_id",),
    columns=(
        Column("product_id", "string", "Identifier of the product."),
        Column(
            "product_category_name_english", "string",
            "Category of the product in English; in Portuguese without a translation, `unknown` without a category.",
        ),
        Column("first_sold_date", "date", "Day of the first purchase; null if never sold.", nullable=True),
        Column("last_sold_date", "date", "Day of the last purchase; null if never sold.", nullable=True),
        Column("total_orders", "int", "Orders of any status that contain the product.", minimum=0),
        Column("units_sold", "int", "Units of the product in orders of any status.", minimum=0),
        Column(
            "revenue_rank", "int", "Rank by revenue among all products, 1 is the highest; equal revenue shares a rank.",
            minimum=1,
        ),
        Column(
            "category_revenue_rank", "int",
            "Rank by revenue among the products of the category, 1 is the highest; equal revenue shares a rank.",
            minimum=1,
        ),
        Column("total_revenue", "decimal(14,2)", "Sum of the prices of all units sold.", unit="BRL", minimum=0),
        Column("total_freight", "decimal(14,2)", "Sum of the freight of all units sold.", unit="BRL", minimum=0),
        Column(
            "avg_price", "decimal(12,2)", "Mean price per unit sold; null if never sold.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_freight", "decimal(12,2)", "Mean freight per unit sold; null if never sold.",
            nullable=True, unit="BRL", minimum=0,
        ),
        Column(
            "avg_review_score", "double", "Mean review score, 1 to 5, of the product's orders; an order counts once.",
            nullable=True, minimum=1, maximum=5,
        ),
    ),
    foreign_keys=(ForeignKey("product_id", "silver_products", "product_id"),),
    row_counts=(
        RowCount(
            "row_count_matches_silver_products",
            "SELECT count(*) FROM silver_products",
            "Every product of silver_products has exactly one row.",
        ),
    ),
    reconciliations=(
        Reconciliation(
            name="revenue_matches_silver",
            left="SELECT sum(total_revenue) FROM gold_product_metrics",
            right="SELECT sum(price) FROM silver_order_items SEMI JOIN silver_products USING (product_id)",
            description="Revenue of all products equals the price of their items in silver_order_items.",
        ),
    ),
)  # fmt: skip


@table_asset(GOLD_PRODUCT_METRICS)
def gold_product_metrics(
    silver_products: DataFrame,
    silver_order_items: DataFrame,
    silver_order_reviews: DataFrame,
    silver_purchases: DataFrame,
) -> DataFrame:
    """Every product of the catalogue with its sales."""
    products = silver_products.select("product_id", "product_category_name_english")
    sales = sales_by_product(silver_order_items, silver_order_reviews, silver_purchases)
    # One row per product on both sides.
    sold = products.join(sales, on="product_id", how="left").fillna(
        {"total_orders": 0, "units_sold": 0, "total_revenue": 0, "total_freight": 0}
    )
    best_first = F.desc("total_revenue")
    return sold.withColumns(
        {
            "revenue_rank": F.rank().over(Window.orderBy(best_first)),
            "category_revenue_rank": F.rank().over(
                Window.partitionBy("product_category_name_english").orderBy(best_first)
            ),
            "avg_price": money_mean("total_revenue", "units_sold", "decimal(12,2)"),
            "avg_freight": money_mean("total_freight", "units_sold", "decimal(12,2)"),
        }
    ).select(*GOLD_PRODUCT_METRICS.column_names)


def sales_by_product(items: DataFrame, reviews: DataFrame, purchases: DataFrame) -> DataFrame:
    """One row per product that was sold.

    Items are first aggregated to one row per product and order, so that the score of an order counts once.
    """
    by_order = items.groupBy("product_id", "order_id").agg(
        F.count("*").alias("units"), F.sum("price").alias("price"), F.sum("freight_value").alias("freight")
    )
    dates = purchases.select("order_id", F.col("order_date").alias("sold_date"))
    # One row per order on the right of both joins.
    facts = by_order.join(score_by_order(reviews), on="order_id", how="left").join(dates, on="order_id", how="left")
    return facts.groupBy("product_id").agg(
        F.min("sold_date").alias("first_sold_date"),
        F.max("sold_date").alias("last_sold_date"),
        F.count("*").cast("int").alias("total_orders"),
        F.sum("units").cast("int").alias("units_sold"),
        F.sum("price").cast("decimal(14,2)").alias("total_revenue"),
        F.sum("freight").cast("decimal(14,2)").alias("total_freight"),
        exact_mean("order_score").alias("avg_review_score"),
    )
