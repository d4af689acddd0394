"""gold_forecast_evaluation: how good each forecast of demand was at rolling origins, beside its baselines."""

from typing import TYPE_CHECKING

import pyarrow as pa

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.rules import Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.demand.evaluation import AGAINST_NAIVE, WAPE_DAY, WAPE_SUM, Evaluation, evaluate
from olist_assets.decisions.demand.rule import (
    CANDIDATES,
    CATEGORY_SHARE,
    LEVELS,
    PRODUCT_SHARE,
    TOTAL,
    ZERO,
    EvaluationRule,
)
from olist_assets.decisions.demand.units import Demand, demand
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.ml.demand_plots import demand_plots

if TYPE_CHECKING:
    from olist_assets.mlops.tracking import Mlflow

DAY = "silver_purchases.order_date"
NAME = (
    "silver_customers.customer_state",
    "silver_order_items.product_category_name_english",
    "silver_order_items.product_id",
)
TOLERANCE = 0.05
ALL_ORIGINS = "origins = (SELECT max(origins) FROM {table}) AND horizon = (SELECT max(horizon) FROM {table})"

GOLD_FORECAST_EVALUATION = Table(
    name="gold_forecast_evaluation",
    in_layer="ml",
    description=(
        "Forecasts of daily units at the newest origins whose windows are over, one horizon apart, beside baselines. "
        "Demand is the number of items by day of purchase, in orders of any status, without incomplete days at the "
        "end. The champion of a level is the model with the lowest error per day that is not above the seasonal naive "
        "forecast, per day or in sum."
    ),
    grain="One row per level, model, origin, number of origins, horizon and metric.",
    key=("level", "model", "origin", "origins", "horizon", "metric"),
    columns=(
        Column(
            "level", "string", "What a series is: all items, a state, a category, both, or a product's share.",
            accepted=(*LEVELS, PRODUCT_SHARE),
        ),
        Column(
            "model", "string", "Forecast that is measured; `zero`, `mean_28` and `seasonal_naive_7` are the baselines.",
            accepted=(*CANDIDATES, ZERO, CATEGORY_SHARE),
        ),
        Column(
            "origin", "date", "Last day that the forecast knows; of several origins, the newest.", made_from=(DAY,)
        ),
        Column("origins", "int", "Origins that are measured: one, or all together.", minimum=1),
        Column("horizon", "int", "Days after the origin that are measured.", unit="days", minimum=1),
        Column(
            "metric", "string",
            "`wape_day` and `wape_sum`: absolute errors per day or of the sum, over the units sold; `bias_sum`: errors "
            f"over the units sold; `*{AGAINST_NAIVE}`: difference of the errors to those of the seasonal naive "
            "forecast; `coverage80_*`: share of the 80 % intervals that contain what was sold; `poisson_*`: the same "
            "for intervals of a Poisson count.",
        ),
        Column("value", "double", "Value of the metric.", made_from=(DAY, *NAME)),
        Column(
            "low", "double",
            "Lower end of the 95 % bootstrap interval. Resampled are origins, if several are measured; else the "
            "series of the level, or the days of the single series `total`. Null where there is one unit only.",
            nullable=True, made_from=(DAY, *NAME),
        ),
        Column(
            "high", "double", "Upper end of the 95 % bootstrap interval, as `low`.", nullable=True,
            made_from=(DAY, *NAME),
        ),
        Column(
            "is_champion", "boolean", "Whether the model is the one that gold_demand_forecasts uses for the level.",
            made_from=(DAY, *NAME),
        ),
        Column(
            "seconds", "double", "Time of the model's forecasts of the level from all weekly origins; null for the "
            "baseline `zero` and for products.",
            nullable=True, unit="s", is_volatile=True,
        ),
    ),
    may_be_empty=True,
    rules=(
        Rule(
            "champion_is_not_worse_than_seasonal_naive",
            f"SELECT count(*) FROM {{table}} WHERE is_champion AND {ALL_ORIGINS} "
            f"AND metric IN ('{WAPE_DAY}{AGAINST_NAIVE}', '{WAPE_SUM}{AGAINST_NAIVE}') AND value > 0",
            "Over all origins no champion has a larger error than the seasonal naive forecast, per day or in sum.",
            blocking=True,
        ),
        Rule(
            "each_level_has_one_champion",
            f"SELECT count(*) FROM (SELECT count(DISTINCT model) FILTER (is_champion) AS champions FROM {{table}} "
            f"WHERE level <> '{PRODUCT_SHARE}' GROUP BY level) WHERE champions <> 1",
            "Each level but that of products, which get shares, has exactly one champion.",
            blocking=True,
        ),
        Rule(
            "coverage_of_sums_is_near_nominal",
            f"SELECT count(*) FROM {{table}} WHERE is_champion AND {ALL_ORIGINS} AND level <> '{TOTAL}' "
            f"AND (metric = 'coverage80_sum' AND abs(value - 0.8) > {TOLERANCE} "
            f"OR metric = 'coverage95_sum' AND abs(value - 0.95) > {TOLERANCE})",
            f"The champions' intervals of sums cover within {TOLERANCE} of what they promise. Not of the total, which "
            "has one interval per origin.",
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb", "mlflow"}),
)  # fmt: skip


@table_asset(GOLD_FORECAST_EVALUATION)
def gold_forecast_evaluation(
    mlflow: Resource["Mlflow"],
    config: EvaluationRule,
    silver_order_items: pa.Table,
    silver_purchases: pa.Table,
    silver_customers: pa.Table,
) -> pa.Table:
    """The scores of all forecasts of all levels, and the champion of each level."""
    sold = demand(silver_order_items, silver_purchases, silver_customers)
    with mlflow.evaluation(GOLD_FORECAST_EVALUATION, config) as run:
        found = evaluate(sold, config)
        run.log_metrics(summary(found, config))
        run.log_plots(demand_plots(sold, found, config))
    return scores_table(sold, found)


def scores_table(sold: Demand, found: Evaluation) -> pa.Table:
    """The scores as rows of the table, in their order."""
    rows = [
        {
            **score._asdict(),
            "origin": sold.day(score.origin),
            "is_champion": found.champions.get(score.level) == score.model,
            "seconds": found.seconds.get((score.level, score.model)),
        }
        for score in found.scores
    ]
    return pa.Table.from_pylist(rows, arrow_schema(GOLD_FORECAST_EVALUATION))


def summary(found: Evaluation, config: EvaluationRule) -> dict[str, float]:
    """The metrics over all origins at the full horizon, as `level/model/metric`."""
    most = max((score.origins for score in found.scores), default=0)
    return {
        f"{score.level}/{score.model}/{score.metric}": score.value
        for score in found.scores
        if score.origins == most and score.horizon == config.horizon_days
    }
