"""gold_price_panel: units and prices of each offer in each week between its first and its last sale."""

import pyarrow as pa

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Reconciliation, Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.arrow_sql import query
from olist_assets.lakehouse.arrow_types import arrow_schema

# The Monday after the last week that has ended when the last item is sold.
END = "date_trunc('week', max(order_date) + INTERVAL 1 DAY)::DATE"
SOLD = "silver_order_items JOIN silver_purchases USING (order_id)"
PRICE, DAY = "silver_order_items.price", "silver_purchases.order_date"
PRODUCT, SELLER = "silver_order_items.product_id", "silver_order_items.seller_id"

GOLD_PRICE_PANEL = Table(
    name="gold_price_panel",
    in_layer="ml",
    description=(
        "Units and prices of an offer, which is a product of a seller. A price is known only when something is sold: "
        "between sales the last one is carried forward. Weeks start on Monday; the last one is the last whole week of "
        "the items sold."
    ),
    grain=(
        "One row per offer (product_id, seller_id) and week from that of its first sale to that of its last one, with "
        "the weeks without a sale. Whether an offer existed before and after is not known."
    ),
    key=("product_id", "seller_id", "week"),
    columns=(
        Column("product_id", "string", "Identifier of the product.", made_from=(PRODUCT,)),
        Column("seller_id", "string", "Identifier of the seller.", made_from=(SELLER,)),
        Column("week", "date", "Monday of the week.", made_from=(DAY,)),
        Column(
            "units", "int", "Items of the offer ordered in the week, whatever became of the order.", minimum=0,
            made_from=(PRODUCT, SELLER, DAY),
        ),
        Column(
            "price", "decimal(12,2)", "Mean price of the items ordered in the week, else of the last week with a sale.",
            unit="BRL", minimum=0, made_from=(PRICE, DAY),
        ),
        Column(
            "price_before", "decimal(12,2)", "Price of the week before: the last one known when the week begins.",
            nullable=True, unit="BRL", minimum=0, made_from=(PRICE, DAY),
        ),
        Column(
            "weeks_since_first_sale", "int", "Weeks since that of the first sale, which has 0.", unit="weeks",
            minimum=0, made_from=(DAY,),
        ),
    ),
    may_be_empty=True,
    reconciliations=(
        Reconciliation(
            name="units_reconcile_with_order_items",
            left="SELECT sum(units) FROM gold_price_panel",
            right=f"SELECT count(*) FROM {SOLD} WHERE order_date < (SELECT {END} FROM {SOLD})",
            description="The units are the items ordered in whole weeks.",
        ),
    ),
    rules=(
        Rule(
            name="weeks_have_no_gap",
            offending=(
                "SELECT count(*) FROM (SELECT count(*) AS n, date_diff('week', min(week), max(week)) + 1 AS weeks FROM "
                "{table} GROUP BY product_id, seller_id) WHERE n <> weeks"
            ),
            description="Each offer has all weeks from its first to its last one.",
            blocking=True,
        ),
        Rule(
            name="only_first_weeks_have_no_price_before",
            offending=(
                "SELECT count(*) FROM {table} WHERE (price_before IS NULL) <> (weeks_since_first_sale = 0)"
            ),
            description="The price before the week is null in the first week of an offer, and only there.",
            blocking=True,
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip

PANEL = f"""
WITH ends AS (SELECT {END} AS day FROM {SOLD}),
sales AS (
    SELECT product_id, seller_id, date_trunc('week', order_date)::DATE AS week, count(*) AS units,
        round(sum(price) / count(*), 2)::DECIMAL(12, 2) AS price
    FROM {SOLD} WHERE order_date < (SELECT day FROM ends) GROUP BY ALL
),
offers AS (SELECT product_id, seller_id, min(week) AS first, max(week) AS last FROM sales GROUP BY ALL),
weeks AS (
    SELECT product_id, seller_id, first, unnest(generate_series(first, last, INTERVAL 7 DAY))::DATE AS week FROM offers
),
known AS (
    SELECT product_id, seller_id, week, first, coalesce(units, 0) AS units,
        last_value(price IGNORE NULLS) OVER past AS price
    FROM weeks LEFT JOIN sales USING (product_id, seller_id, week)
    WINDOW past AS (
        PARTITION BY product_id, seller_id ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
SELECT product_id, seller_id, week, units::INTEGER AS units, price,
    lag(price) OVER (PARTITION BY product_id, seller_id ORDER BY week) AS price_before,
    date_diff('week', first, week)::INTEGER AS weeks_since_first_sale
FROM known ORDER BY product_id, seller_id, week
"""


@table_asset(GOLD_PRICE_PANEL)
def gold_price_panel(silver_order_items: pa.Table, silver_purchases: pa.Table) -> pa.Table:
    """The whole weeks of each offer from its first to its last sale, with the price carried forward."""
    found = query(PANEL, silver_order_items=silver_order_items, silver_purchases=silver_purchases)
    return found.cast(arrow_schema(GOLD_PRICE_PANEL))
