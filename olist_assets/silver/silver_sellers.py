"""silver_sellers: sellers and their places."""

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting
from olist_assets.contracts.source_values import STATES
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.cleaning import Rules, accepted

SILVER_SELLERS = Table(
    name="silver_sellers",
    description="Sellers of the marketplace and their places.",
    grain="One row per seller.",
    key=("seller_id",),
    columns=(
        Column("seller_id", "string", "Identifier of the seller."),
        Column("seller_zip_code_prefix", "string", "First five digits of the seller's zip code."),
        Column("seller_city", "string", "City of the seller."),
        Column("seller_state", "string", "State of the seller, as two letters.", accepted=STATES),
    ),
    accounting=Accounting(source="bronze_sellers", kept="SELECT count(*) FROM silver_sellers"),
)
RULES = Rules(subject="sellers", key=("seller_id",), required=SILVER_SELLERS.column_names)


@table_asset(SILVER_SELLERS)
def silver_sellers(bronze_sellers: DataFrame) -> DataFrame:
    """Sellers with restored zip prefixes."""
    return accepted(bronze_sellers, RULES).select(*SILVER_SELLERS.column_names)
