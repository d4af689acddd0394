"""silver_rejects: every bronze row that the silver tables rejected, with the reason."""

from functools import reduce

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.source_files import INGESTED
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Threshold, Thresholds
from olist_assets.silver.bad_events import rejected_events
from olist_assets.silver.cleaning import REASONS, accepted, rejected
from olist_assets.silver.silver_customers import RULES as CUSTOMER_RULES
from olist_assets.silver.silver_geolocation import RULES as GEOLOCATION_RULES
from olist_assets.silver.silver_order_items import RULES as ITEM_RULES
from olist_assets.silver.silver_order_payments import RULES as PAYMENT_RULES
from olist_assets.silver.silver_order_reviews import RULES as REVIEW_RULES
from olist_assets.silver.silver_orders import RULES as ORDER_RULES
from olist_assets.silver.silver_products import RULES as PRODUCT_RULES
from olist_assets.silver.silver_products import TRANSLATION_RULES
from olist_assets.silver.silver_sellers import RULES as SELLER_RULES

SILVER_REJECTS = Table(
    name="silver_rejects",
    description="Rows of the bronze tables that the silver tables rejected, so that no row is lost silently.",
    grain="One row per rejected bronze row.",
    key=(),
    may_be_empty=True,
    columns=(
        Column("table", "string", "Name of the bronze table of the row."),
        Column(
            # Of a rejected customer it is the customer_id.
            "key", "string", "Key of the row in its table, its columns joined by `/`.", nullable=True, pii="hash",
        ),
        Column(
            "reason", "string", "First rule that the row violates.",
            accepted=REASONS,
        ),
        Column(
            "column", "string", "Column that violates the rule; null for a duplicate key and for a repeated header.",
            nullable=True,
        ),
        Column("value", "string", "Value of that column as received.", nullable=True, pii="remove"),
        Column("record", "string", "All columns of the row as a JSON object.", pii="remove"),
        Column(INGESTED, "timestamp", "Time at which the row was read from its file.", is_volatile=True),
    ),
    thresholds=Thresholds(
        row_change=Threshold(
            1.0, "Log of the ratio to the version before. Rejects come in groups: up to 2.7 times as many are usual."
        )
    ),
)  # fmt: skip


@table_asset(SILVER_REJECTS)
def silver_rejects(
    bronze_customers: DataFrame,
    bronze_orders: DataFrame,
    bronze_order_items: DataFrame,
    bronze_order_payments: DataFrame,
    bronze_order_reviews: DataFrame,
    bronze_products: DataFrame,
    bronze_product_category_translation: DataFrame,
    bronze_sellers: DataFrame,
    bronze_geolocation: DataFrame,
    bronze_order_events: DataFrame,
) -> DataFrame:
    """Rejected rows of all bronze tables, by the same rules that accept their other rows, and messages of no event."""
    # Not silver_customers: its checks count its rejects, so this table cannot wait for them.
    customers = accepted(bronze_customers, CUSTOMER_RULES)
    rejects = (
        rejected(bronze_customers, CUSTOMER_RULES),
        rejected(bronze_orders, ORDER_RULES, customers),
        rejected(bronze_order_items, ITEM_RULES),
        rejected(bronze_order_payments, PAYMENT_RULES),
        rejected(bronze_order_reviews, REVIEW_RULES),
        rejected(bronze_products, PRODUCT_RULES),
        rejected(bronze_product_category_translation, TRANSLATION_RULES),
        rejected(bronze_sellers, SELLER_RULES),
        rejected(bronze_geolocation, GEOLOCATION_RULES),
        rejected_events(bronze_order_events),
    )
    return reduce(lambda above, below: above.unionByName(below), rejects).coalesce(1)
