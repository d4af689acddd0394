"""gold_product_recommendations: up to ten products to show beside each product of the catalogue."""

import numpy as np
import pyarrow as pa

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey, Rule, ranks_are_dense
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.recommendations.evaluation import (
    BOUGHT_TOGETHER,
    CATEGORY_POPULARITY,
    HIT,
    TOGETHER_NAME,
    compared,
    is_above,
)
from olist_assets.decisions.recommendations.product_lists import (
    LENGTH,
    POPULARITY,
    REASONS,
    SOLD_WITHIN_DAYS,
    Lists,
    category_lists,
    parts,
    product_lists,
    shelf_at,
)
from olist_assets.decisions.recommendations.ranking import NONE
from olist_assets.decisions.recommendations.sales import Sales, names_of, sales_of
from olist_assets.lakehouse.arrow_types import arrow_schema

LAST_SALES = """
    SELECT product_id, max(order_date) AS last_sale
    FROM silver_order_items JOIN silver_purchases USING (order_id) GROUP BY product_id
"""
PRODUCTS = ("silver_products.product_id", "silver_order_items.product_id", "silver_purchases.order_date")
RANKED_BY = (
    "silver_order_items.order_id",
    "silver_order_items.product_id",
    "silver_order_items.seller_id",
    "silver_order_items.price",
    "silver_products.product_category_name_english",
    "silver_purchases.order_date",
    "gold_recommender_evaluation.low",
)

GOLD_PRODUCT_RECOMMENDATIONS = Table(
    name="gold_product_recommendations",
    in_layer="ml",
    description=(
        "Products to show beside a product: those of the same orders, then of the same seller and category by nearness "
        "of price and by recent orders, then of the same seller, then the popular ones of the category. Only popular "
        "products of the category, if gold_recommender_evaluation does not find the lists above these."
    ),
    grain=f"One row per product of the catalogue and rank, at most {LENGTH}.",
    key=("product_id", "rank"),
    columns=(
        Column("product_id", "string", "Identifier of the product that is looked at.",
               made_from=("silver_products.product_id",)),
        Column("rank", "int", "Place in the list, 1 is best.", minimum=1, maximum=LENGTH, made_from=RANKED_BY),
        Column(
            "recommended_product_id", "string",
            f"Identifier of the recommended product, which was sold within {SOLD_WITHIN_DAYS} days before the end of "
            "the data.",
            made_from=RANKED_BY,
        ),
        Column(
            "reason", "string",
            "Why: in the same orders, of the same seller and category, of the same seller, or popular in the category.",
            accepted=REASONS, made_from=RANKED_BY,
        ),
        Column("pairs_seen", "int", "Number of orders with both products.", minimum=0,
               made_from=("silver_order_items.order_id", "silver_order_items.product_id")),
        Column(
            "price_ratio", "double",
            "Last price of the recommended product divided by that of the product; null if the latter was never sold.",
            nullable=True, minimum=0, made_from=("silver_order_items.price", "silver_purchases.order_date"),
        ),
        Column(
            "score", "double",
            "What the rank follows, comparable within one reason: `bought_together`: sum of 1 / number of products "
            "over the orders with both; `same_seller_category` and `seller`: lower price / higher price * (1 + recent "
            f"orders) ^ {POPULARITY}; `category`: orders within {SOLD_WITHIN_DAYS} days.",
            minimum=0, made_from=RANKED_BY,
        ),
    ),
    # A catalogue without a sale has no lists.
    may_be_empty=True,
    foreign_keys=(
        ForeignKey("product_id", "silver_products", "product_id"),
        ForeignKey("recommended_product_id", "silver_products", "product_id"),
    ),
    rules=(
        Rule(
            "no_product_is_in_its_own_list",
            "SELECT count(*) FROM {table} WHERE product_id = recommended_product_id",
            "No product is recommended beside itself.",
            blocking=True,
        ),
        Rule(
            "no_product_is_twice_in_a_list",
            "SELECT count(*) - count(DISTINCT (product_id, recommended_product_id)) FROM {table}",
            "No list has a product twice.",
            blocking=True,
        ),
        ranks_are_dense("product_id", "list"),
        Rule(
            "recommended_products_are_current",
            f"WITH sold AS ({LAST_SALES}) "
            "SELECT count(*) FROM {table} r LEFT JOIN sold ON sold.product_id = r.recommended_product_id "
            f"WHERE last_sale IS NULL OR last_sale <= (SELECT max(last_sale) FROM sold) - {SOLD_WITHIN_DAYS}",
            f"Each recommended product was sold within {SOLD_WITHIN_DAYS} days before the end of the data.",
            blocking=True,
        ),
        Rule(
            "lists_are_above_popularity_or_are_it",
            "SELECT count(*) FROM {table} WHERE reason <> 'category' AND NOT EXISTS ("
            f"SELECT 1 FROM gold_recommender_evaluation WHERE low > 0 AND (model, month, metric) = "
            f"('{compared(BOUGHT_TOGETHER, CATEGORY_POPULARITY)}', '{TOGETHER_NAME}', '{HIT}'))",
            "Lists have more than the popular products of the category only if gold_recommender_evaluation finds them "
            "above these, with the whole interval of the gain.",
            blocking=True,
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip


@table_asset(GOLD_PRODUCT_RECOMMENDATIONS)
def gold_product_recommendations(
    silver_order_items: pa.Table,
    silver_purchases: pa.Table,
    silver_products: pa.Table,
    gold_recommender_evaluation: pa.Table,
) -> pa.Table:
    """The lists of all products of the catalogue as of the end of the sales."""
    sales = sales_of(silver_order_items, silver_purchases, silver_products)
    is_proven = is_above(gold_recommender_evaluation, BOUGHT_TOGETHER, CATEGORY_POPULARITY, HIT)
    lists_of = product_lists if is_proven else category_lists
    shelf = shelf_at(sales, sales.end)
    return pa.concat_tables(list_rows(sales, lists_of(shelf, asked)) for asked in parts(np.arange(sales.products)))


def list_rows(sales: Sales, lists: Lists) -> pa.Table:
    """One row per recommended product."""
    row, place = np.nonzero(lists.recommended != NONE)
    ratio = lists.price_ratio[row, place]
    columns = {
        "product_id": names_of(sales.product_ids, lists.product[row]),
        "rank": place + 1,
        "recommended_product_id": names_of(sales.product_ids, lists.recommended[row, place]),
        "reason": names_of(pa.array(REASONS), lists.reason[row, place]),
        "pairs_seen": lists.pairs_seen[row, place],
        "price_ratio": pa.array(ratio, mask=np.isnan(ratio)),
        "score": lists.score[row, place],
    }
    return pa.table(columns).cast(arrow_schema(GOLD_PRODUCT_RECOMMENDATIONS))
