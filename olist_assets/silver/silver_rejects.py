"""silver_rejects: every bronze row that silver did not take, with the reason."""

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.source_files import INGESTED
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Threshold, Thresholds
from olist_assets.silver import silver_order_items, silver_order_payments, silver_order_reviews, silver_orders
from olist_assets.silver.cleaning import rejected

SILVER_REJECTS = Table(
    name="silver_rejects",
    description="Bronze rows that silver did not take: nothing is lost silently.",
    grain="One row per rejected bronze row.",
    key=(),
    may_be_empty=True,
    columns=(
        Column("table", "string", "The bronze table."),
        Column("key", "string", "The row's key, parts joined by `/`.", nullable=True),
        Column(
            "reason", "string", "Why it was rejected.",
            accepted=("missing_required", "bad_cast", "duplicate_key", "corrupt_record"),
        ),
        Column("column", "string", "The column at fault.", nullable=True),
        Column("value", "string", "What stood there.", nullable=True, pii="remove"),
        Column("record", "string", "The whole row as JSON.", pii="remove"),
        Column(INGESTED, "timestamp", "Time at which the row was read from its file.", is_volatile=True),
    ),
    thresholds=Thresholds(row_change=Threshold(1.0, "Log of the ratio. Rejects come in lots: less than threefold is usual.")),
)  # fmt: skip


@table_asset(SILVER_REJECTS)
def silver_rejects(
    bronze_orders: DataFrame,
    bronze_order_items: DataFrame,
    bronze_order_payments: DataFrame,
    bronze_order_reviews: DataFrame,
) -> DataFrame:
    """Rejected rows of the four tables that are cleaned, by the same rules that clean them."""
    return (
        rejected(bronze_orders, silver_orders.RULES)
        .unionByName(rejected(bronze_order_items, silver_order_items.RULES))
        .unionByName(rejected(bronze_order_payments, silver_order_payments.RULES))
        .unionByName(rejected(bronze_order_reviews, silver_order_reviews.RULES))
        .coalesce(1)
    )
