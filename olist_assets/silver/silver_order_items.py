"""silver_order_items: items of orders of any status, with typed columns and the product's category."""

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, ForeignKey, OrderReference, Reconciliation
from olist_assets.contracts.source_values import UNKNOWN_CATEGORY
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import OLIST_EVENTS, Metric, Profile, Segment, Threshold, Thresholds
from olist_assets.silver.cleaning import Rules, accepted, sum_of_kept

PROFILE = Profile(
    day="order_date",
    source="silver_order_items JOIN silver_purchases USING (order_id)",
    metrics=(
        Metric("median", "price", Threshold(2, "BRL. Prices of a day vary by more.")),
        Metric("median", "freight_value", Threshold(1, "BRL. The tariff of March 2018 alone added two.")),
        Metric(
            "share", "freight_value",
            Threshold(0.02, "Share of items without freight: campaigns such as that of May 2018 stay below a tenth."),
            "freight_value = 0",
        ),
        Metric(
            "share", "product_category_name", Threshold(0.02, "Share of items without a category, usually 1 %."),
            "product_category_name IS NULL",
        ),
        Metric("distinct_share", "seller_id", Threshold(0.01, "Sellers per item of the day.")),
        Metric("distinct_share", "order_id", Threshold(0.01, "Orders per item of the day: ten items are nine orders.")),
    ),
    segments=(
        Segment(
            "product_category_name_english",
            floor=Threshold(0.025, "Share of the day's items: one order or offer may add five points."),
            min_share=Threshold(0.02, "Share of all items. Rarer categories sell in bursts and pause for weeks."),
        ),
    ),
    known=OLIST_EVENTS,
)  # fmt: skip
SILVER_ORDER_ITEMS = Table(
    name="silver_order_items",
    description="Items of orders of any status, with the product's category.",
    grain="One row per item of an order.",
    key=("order_id", "order_item_id"),
    columns=(
        Column("order_id", "string", "Identifier of the order."),
        Column("order_item_id", "int", "Sequence number of the item within its order, from 1.", minimum=1),
        Column("product_id", "string", "Identifier of the product."),
        Column("seller_id", "string", "Identifier of the seller."),
        Column("product_category_name", "string", "Category of the product in Portuguese.", nullable=True),
        Column(
            "product_category_name_english",
            "string",
            "Category of the product in English; in Portuguese without a translation, `unknown` without a category.",
        ),
        Column("shipping_limit_date", "timestamp", "Time by which the seller must hand the item to the carrier."),
        Column("price", "decimal(10,2)", "Price of the item, without freight.", unit="BRL", minimum=0),
        Column("freight_value", "decimal(10,2)", "Freight charged for the item.", unit="BRL", minimum=0),
    ),
    # Warnings: an item keeps its row, and its revenue, even if its order, product or seller was rejected.
    foreign_keys=(
        ForeignKey("order_id", "silver_purchases", "order_id", blocking=False),
        ForeignKey("product_id", "silver_products", "product_id", blocking=False),
        ForeignKey("seller_id", "silver_sellers", "seller_id", blocking=False),
    ),
    orders=OrderReference("order_id", "order_id"),
    accounting=Accounting(source="bronze_order_items", kept="SELECT count(*) FROM silver_order_items"),
    thresholds=Thresholds(profiles=(PROFILE,)),
    reconciliations=(
        Reconciliation(
            name="item_revenue_matches_bronze",
            left="SELECT sum(price + freight_value) FROM silver_order_items",
            right=sum_of_kept("bronze_order_items", ("price", "freight_value"), "DECIMAL(10,2)"),
            description="Price plus freight of all items equals that of bronze_order_items without its rejected rows.",
        ),
    ),
)
RULES = Rules(
    subject="order_items",
    key=("order_id", "order_item_id"),
    required=("order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"),
)


@table_asset(SILVER_ORDER_ITEMS)
def silver_order_items(bronze_order_items: DataFrame, silver_products: DataFrame) -> DataFrame:
    """Items of orders of any status with typed columns and the product's category."""
    categories = silver_products.select("product_id", "product_category_name", "product_category_name_english")
    # One row per product on the right, so the join keeps exactly the items.
    items = accepted(bronze_order_items, RULES).join(categories, on="product_id", how="left")
    return items.fillna(UNKNOWN_CATEGORY, subset=["product_category_name_english"]).select(
        *SILVER_ORDER_ITEMS.column_names
    )
