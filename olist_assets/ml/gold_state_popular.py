"""gold_state_popular: the products that customers of each state order most."""

import pyarrow as pa

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey, ranks_are_dense
from olist_assets.contracts.source_values import STATES
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.recommendations.product_lists import LENGTH, SOLD_WITHIN_DAYS
from olist_assets.lakehouse.arrow_sql import query
from olist_assets.lakehouse.arrow_types import arrow_schema

RANKED_BY = (
    "silver_customers.customer_state",
    "silver_order_items.order_id",
    "silver_order_items.product_id",
    "silver_purchases.order_date",
)

GOLD_STATE_POPULAR = Table(
    name="gold_state_popular",
    in_layer="ml",
    description="What to show to a customer of whom only the state is known.",
    grain=f"One row per state and rank, at most {LENGTH}.",
    key=("customer_state", "rank"),
    columns=(
        Column("customer_state", "string", "State of the customers, as two letters.", accepted=STATES,
               made_from=("silver_customers.customer_state",)),
        Column("rank", "int", "Place in the list, 1 is best; equal numbers of orders are in the order of the ids.",
               minimum=1, maximum=LENGTH, made_from=RANKED_BY),
        Column("product_id", "string", "Identifier of the product.", made_from=RANKED_BY),
        Column("product_category_name_english", "string", "Category of the product in English.",
               made_from=("silver_products.product_category_name_english",)),
        Column(
            "orders", "int",
            f"Orders of the state with the product within {SOLD_WITHIN_DAYS} days before the end of the data.",
            minimum=1, made_from=RANKED_BY,
        ),
    ),
    # Without a sale nothing is popular.
    may_be_empty=True,
    foreign_keys=(ForeignKey("product_id", "silver_products", "product_id"),),
    rules=(
        ranks_are_dense("customer_state", "state"),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip
POPULAR = f"""
    WITH sales AS (
        SELECT DISTINCT order_id, product_id, customer_state, order_date
        FROM silver_order_items JOIN silver_purchases USING (order_id) JOIN silver_customers USING (customer_id)
    ), sold AS (
        SELECT customer_state, product_id, count(*)::INTEGER AS orders FROM sales
        WHERE order_date > (SELECT max(order_date) FROM sales) - {SOLD_WITHIN_DAYS}
        GROUP BY ALL
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY customer_state ORDER BY orders DESC, product_id)::INTEGER AS rank
        FROM sold JOIN silver_products USING (product_id)
    )
    SELECT {", ".join(GOLD_STATE_POPULAR.column_names)} FROM ranked
    WHERE rank <= {LENGTH} ORDER BY customer_state, rank
"""


@table_asset(GOLD_STATE_POPULAR)
def gold_state_popular(
    silver_order_items: pa.Table, silver_purchases: pa.Table, silver_customers: pa.Table, silver_products: pa.Table
) -> pa.Table:
    """The products of each state with the most recent orders."""
    rows = query(
        POPULAR,
        silver_order_items=silver_order_items,
        silver_purchases=silver_purchases,
        silver_customers=silver_customers,
        silver_products=silver_products,
    )
    return rows.cast(arrow_schema(GOLD_STATE_POPULAR))
