"""silver_rejects: every bronze row that the silver tables rejected, with the reason."""

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.source_files import INGESTED
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Threshold, Thresholds
from olist_assets.silver import silver_order_items, silver_order_payments, silver_order_reviews, silver_orders
from olist_assets.silver.cleaning import rejected

SILVER_REJECTS = Table(
    name="silver_rejects",
    description="Rows of the bronze tables that the silver tables rejected, so that no row is lost silently.",
    grain="One row per rejected bronze row.",
    key=(),
    may_be_empty=True,
    columns=(
        Column("table", "string", "Name of the bronze table of the row."),
        Column("key", "string", "Key of the row in its table, its columns joined by `/`.", nullable=True),
        Column(
            "reason", "string", "First rule that the row violates.",
            accepted=("missing_required", "bad_cast", "duplicate_key", "corrupt_record"),
        ),
        Column("column", "string", "Column that violates the rule; null for a duplicate key.", nullable=True),
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
    bronze_orders: DataFrame,
    bronze_order_items: DataFrame,
    bronze_order_payments: DataFrame,
    bronze_order_reviews: DataFrame,
) -> DataFrame:
    """Rejected rows of the four cleaned tables, by the same rules that accept their other rows."""
    return (
        rejected(bronze_orders, silver_orders.RULES)
        .unionByName(rejected(bronze_order_items, silver_order_items.RULES))
        .unionByName(rejected(bronze_order_payments, silver_order_payments.RULES))
        .unionByName(rejected(bronze_order_reviews, silver_order_reviews.RULES))
        .coalesce(1)
    )
