"""silver_customers: the customer of each order, with a zip prefix of five digits."""

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Accounting, OrderReference
from olist_assets.contracts.source_values import STATES
from olist_assets.contracts.table import Column, Table
from olist_assets.silver.cleaning import Rules, accepted

SILVER_CUSTOMERS = Table(
    name="silver_customers",
    description="The customer of each order, with the place where the order was to be delivered.",
    grain="One row per customer_id: a person has another one in each order.",
    key=("customer_id",),
    columns=(
        Column(
            "customer_id", "string",
            "Identifier of the customer within one order; the same person has another one in each order.", pii="hash",
        ),
        Column(
            "customer_unique_id", "string", "Identifier of the customer, the same in all orders of a person.",
            pii="hash",
        ),
        Column("customer_zip_code_prefix", "string", "First five digits of the customer's zip code.", pii="cut"),
        Column("customer_city", "string", "City of the customer.", pii="remove"),
        Column("customer_state", "string", "State of the customer, as two letters.", accepted=STATES),
    ),
    orders=OrderReference("customer_id", "customer_id"),
    accounting=Accounting(source="bronze_customers", kept="SELECT count(*) FROM silver_customers"),
)  # fmt: skip
RULES = Rules(subject="customers", key=("customer_id",), required=SILVER_CUSTOMERS.column_names)


@table_asset(SILVER_CUSTOMERS)
def silver_customers(bronze_customers: DataFrame) -> DataFrame:
    """Customers with restored zip prefixes."""
    return accepted(bronze_customers, RULES).select(*SILVER_CUSTOMERS.column_names)
