"""gold_recommender_evaluation: how often recommendations name what was bought next, beside baselines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import BaseModel, Field

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.rules import Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.recommendations import evaluation as e
from olist_assets.decisions.recommendations.product_lists import POPULARITY, SOLD_WITHIN_DAYS
from olist_assets.decisions.recommendations.sales import category_purchases_of, sales_of
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.mlops.plots import interval_plot

if TYPE_CHECKING:
    from olist_assets.mlops.tracking import Mlflow

# Half of the second products of the published orders were not sold in the 90 days before, so no list can have them.
MAX_COLD_SHARE = 0.7
# With fewer orders or customers an interval is so wide that it says nothing about the rule.
MIN_QUERIES = 100
LISTS_GAIN = e.compared(e.BOUGHT_TOGETHER, e.CATEGORY_POPULARITY)
CATEGORIES_GAIN = e.compared(e.NEXT_CATEGORY, e.POPULAR_CATEGORIES)
MADE_FROM = (
    "silver_order_items.order_id",
    "silver_order_items.product_id",
    "silver_purchases.order_date",
    "silver_products.product_category_name_english",
)

GOLD_RECOMMENDER_EVALUATION = Table(
    name="gold_recommender_evaluation",
    in_layer="ml",
    description=(
        "Quality of recommendations in each of the last months, predicted from the sales before it: of two products of "
        f"an order, whether one is in the list of the other (`{e.BOUGHT_TOGETHER}`), and in which place the category "
        f"of a known customer's next order is (`{e.NEXT_CATEGORY}`). Baselines, and gains over them on the same orders "
        "or customers, are models of their own."
    ),
    grain="One row per model, month and metric.",
    key=("model", "month", "metric"),
    columns=(
        Column(
            "model",
            "string",
            f"Name of the rule: `{e.BOUGHT_TOGETHER}` and its baselines `{e.CATEGORY_POPULARITY}` and "
            f"`{e.OVERALL_POPULARITY}`; `{e.NEXT_CATEGORY}` and its baseline `{e.POPULAR_CATEGORIES}`; `a_minus_b` is "
            "the gain of a over b.",
            accepted=(*e.MODELS, LISTS_GAIN, e.NEXT_CATEGORY, e.POPULAR_CATEGORIES, CATEGORIES_GAIN),
        ),
        Column(
            "month",
            "string",
            f"Month of the measured orders as `2018-08`; `{e.TOGETHER_NAME}` is all orders of the last {e.TOGETHER} "
            "months.",
        ),
        Column(
            "metric",
            "string",
            f"`{e.HIT}`: share of orders in whose lists the other product is; `{e.MRR}`: mean of 1 / its place in the "
            f"list, 0 outside; `{e.COVERAGE}`: share of the products sold within {SOLD_WITHIN_DAYS} days that are in "
            f"a list; `{e.COLD}`: share of orders whose other product was not sold within {SOLD_WITHIN_DAYS} days, so "
            f"that no list has it; `{e.CATEGORY_MRR}`: mean of 1 / place of the next category; `{e.KNOWN}`: share of "
            "the month's orders from customers who had ordered before the month.",
            accepted=(e.HIT, e.MRR, e.COVERAGE, e.COLD, e.CATEGORY_MRR, e.KNOWN),
        ),
        Column("value", "double", "Mean over the units.", minimum=-1, maximum=1, made_from=MADE_FROM),
        Column(
            "low", "double", "Lower end of the 95 % interval of the value, by bootstrap over the units.", minimum=-1,
            maximum=1, made_from=MADE_FROM,
        ),
        Column(
            "high", "double", "Upper end of the 95 % interval of the value, by bootstrap over the units.", minimum=-1,
            maximum=1, made_from=MADE_FROM,
        ),
        Column(
            "queries",
            "int",
            f"Number of units: orders with several products; products for `{e.COVERAGE}`; known customers for "
            f"`{e.CATEGORY_MRR}`; all orders of a category for `{e.KNOWN}`.",
            minimum=1,
            made_from=MADE_FROM,
        ),
    ),
    # A history of one month, or without an order of several products, measures nothing.
    may_be_empty=True,
    rules=(
        Rule(
            "values_are_in_their_intervals",
            "SELECT count(*) FROM {table} WHERE value < low OR value > high",
            "Each value is between the ends of its interval.",
        ),
        Rule(
            "product_lists_are_above_popularity_in_the_category",
            f"SELECT count(*) FROM {{table}} WHERE low <= 0 AND queries >= {MIN_QUERIES} "
            f"AND (model, month, metric) = ('{LISTS_GAIN}', '{e.TOGETHER_NAME}', '{e.HIT}')",
            "Lists of products have more of the products bought together than the popular products of the category "
            "have, with the whole interval of the gain; otherwise the popular products are the lists.",
        ),
        Rule(
            "next_categories_are_above_popular_categories",
            f"SELECT count(*) FROM {{table}} WHERE low <= 0 AND queries >= {MIN_QUERIES} "
            f"AND (model, month, metric) = ('{CATEGORIES_GAIN}', '{e.TOGETHER_NAME}', '{e.CATEGORY_MRR}')",
            "Categories bought before are better placed than the popular categories, with the whole interval of the "
            "gain; otherwise all customers get the popular categories.",
        ),
        Rule(
            "cold_share_is_usual",
            f"SELECT count(*) FROM {{table}} WHERE metric = '{e.COLD}' AND low > {MAX_COLD_SHARE} "
            f"AND queries >= {MIN_QUERIES}",
            f"At most {MAX_COLD_SHARE:.0%} of the products bought together are unknown to every list; half is usual.",
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb", "mlflow"}),
)  # fmt: skip


class RecommenderEvaluationConfig(BaseModel):
    """The months that are measured. The same data and seed give the same intervals."""

    months: int = Field(default=8, ge=e.TOGETHER, description="Number of whole months to measure, up to the last one.")
    resamples: int = Field(default=2000, ge=100, description="Number of resamples of each interval.")
    seed: int = Field(default=42, ge=0, description="Seed of the resamples.")


@table_asset(GOLD_RECOMMENDER_EVALUATION)
def gold_recommender_evaluation(
    mlflow: Resource["Mlflow"],
    config: RecommenderEvaluationConfig,
    silver_order_items: pa.Table,
    silver_purchases: pa.Table,
    silver_customers: pa.Table,
    silver_products: pa.Table,
) -> pa.Table:
    """Metrics of the recommendations and of their baselines by month, each with its interval."""
    with mlflow.evaluation(GOLD_RECOMMENDER_EVALUATION, config) as run:
        run.log_params({"sold_within_days": SOLD_WITHIN_DAYS, "popularity": POPULARITY})
        sales = sales_of(silver_order_items, silver_purchases, silver_products)
        purchases = category_purchases_of(silver_order_items, silver_purchases, silver_customers)
        months = e.full_months(sales.first, sales.end, config.months)
        measured = [
            one
            for month in months
            for one in (*e.measured_lists(sales, month), *e.measured_next_categories(purchases, month))
        ]
        measured += e.together(measured, [month.name for month in months[-e.TOGETHER :]])
        rows = evaluation_rows(measured, config)
        for row in rows:
            if row["month"] == e.TOGETHER_NAME:
                run.log_metrics({row["metric"]: row["value"]}, variant=row["model"])
        run.log_plots(plots(rows))
    return pa.Table.from_pylist(rows, arrow_schema(GOLD_RECOMMENDER_EVALUATION))


def evaluation_rows(measured: Sequence[e.Measured], config: RecommenderEvaluationConfig) -> list[dict]:
    """The rows of the table, sorted by its key."""
    rows = []
    for one in sorted(measured, key=lambda one: (one.model, one.month, one.metric)):
        found = e.interval(one.values, config.resamples, config.seed)
        key = {"model": one.model, "month": one.month, "metric": one.metric}
        rows.append(key | {"value": found.value, "low": found.low, "high": found.high, "queries": len(one.values)})
    return rows


def plots(rows: Sequence[dict]) -> dict:
    """Each model's months with intervals, beside its baselines."""
    return {
        name: interval_plot(title, [row for row in rows if row["model"] in models and row["metric"] == metric])
        for name, title, metric, models in (
            ("hit_at_10", "Other product of the order in the list", e.HIT, tuple(e.MODELS)),
            ("mrr", "Mean of 1 / place of the next category", e.CATEGORY_MRR, (e.NEXT_CATEGORY, e.POPULAR_CATEGORIES)),
        )
    }
