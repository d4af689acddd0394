"""gold_next_category: the categories that each customer is likeliest to order from next."""

import numpy as np
import pyarrow as pa

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import ForeignKey, Rule, ranks_are_dense
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.recommendations.evaluation import (
    CATEGORY_MRR,
    NEXT_CATEGORY,
    POPULAR_CATEGORIES,
    is_above,
)
from olist_assets.decisions.recommendations.next_category import Ranked, popular_for_all, ranked_categories
from olist_assets.decisions.recommendations.ranking import NONE
from olist_assets.decisions.recommendations.sales import CategoryPurchases, category_purchases_of, names_of
from olist_assets.lakehouse.arrow_types import arrow_schema

LENGTH = 5
BOUGHT_BEFORE, POPULAR = REASONS = ("bought_before", "popular")
RANKED_BY = (
    "silver_customers.customer_unique_id",
    "silver_order_items.product_category_name_english",
    "silver_purchases.order_purchase_timestamp",
    "gold_recommender_evaluation.low",
)

GOLD_NEXT_CATEGORY = Table(
    name="gold_next_category",
    in_layer="ml",
    description=(
        "Categories for a known customer: those bought before, the latest first, then the popular ones. Few customers "
        "come back: see `known_share` in gold_recommender_evaluation."
    ),
    grain=f"One row per customer (customer_unique_id) with an ordered item of a category and rank, at most {LENGTH}.",
    key=("customer_unique_id", "rank"),
    columns=(
        Column("customer_unique_id", "string", "Identifier of the customer, the same in all their orders.", pii="hash",
               made_from=("silver_customers.customer_unique_id",)),
        Column("rank", "int", "Place in the list, 1 is best.", minimum=1, maximum=LENGTH, made_from=RANKED_BY),
        Column("product_category_name_english", "string", "Category in English.",
               made_from=("silver_order_items.product_category_name_english",)),
        Column("reason", "string", "Why: the customer has ordered from the category, or many others have.",
               accepted=REASONS, made_from=RANKED_BY),
        Column("last_order_date", "date", "Day of the customer's last order from the category; null if there is none.",
               nullable=True, made_from=("silver_purchases.order_date",)),
    ),
    # Without an ordered item of a category no customer is known.
    may_be_empty=True,
    foreign_keys=(ForeignKey("customer_unique_id", "silver_customers", "customer_unique_id"),),
    rules=(
        ranks_are_dense("customer_unique_id", "customer"),
        Rule(
            "no_category_is_twice_in_a_list",
            "SELECT count(*) - count(DISTINCT (customer_unique_id, product_category_name_english)) FROM {table}",
            "No customer has a category twice.",
            blocking=True,
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip


@table_asset(GOLD_NEXT_CATEGORY)
def gold_next_category(
    silver_order_items: pa.Table,
    silver_purchases: pa.Table,
    silver_customers: pa.Table,
    gold_recommender_evaluation: pa.Table,
) -> pa.Table:
    """The ranked categories of all customers as of the end of the sales."""
    purchases = category_purchases_of(silver_order_items, silver_purchases, silver_customers)
    is_proven = is_above(gold_recommender_evaluation, NEXT_CATEGORY, POPULAR_CATEGORIES, CATEGORY_MRR)
    rank = ranked_categories if is_proven else popular_for_all
    return category_rows(purchases, rank(purchases, purchases.end, np.arange(len(purchases.customer_ids)), LENGTH))


def category_rows(purchases: CategoryPurchases, ranked: Ranked) -> pa.Table:
    """One row per customer and category."""
    row, place = np.nonzero(ranked.category != NONE)
    last = ranked.last_purchase[row, place]
    is_popular = last == NONE
    day = np.where(is_popular, 0, purchases.day[last]).astype("datetime64[D]")
    columns = {
        "customer_unique_id": names_of(purchases.customer_ids, ranked.customer[row]),
        "rank": place + 1,
        "product_category_name_english": names_of(purchases.category_names, ranked.category[row, place]),
        "reason": names_of(pa.array(REASONS), is_popular.astype(np.int64)),
        "last_order_date": pa.array(day, mask=is_popular),
    }
    return pa.table(columns).cast(arrow_schema(GOLD_NEXT_CATEGORY))
