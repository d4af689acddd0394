"""gold_reorder_points: the stock at which to order again, per lead time and service level."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.demand.outlook import champions, lead_time
from olist_assets.decisions.demand.rule import LEVELS, MAX_LEAD_DAYS, MIN_SERVICE, ReorderRule
from olist_assets.decisions.demand.units import Demand, demand
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.ml.gold_demand_forecasts import UNITS
from olist_assets.ml.gold_forecast_evaluation import NAME

GOLD_REORDER_POINTS = Table(
    name="gold_reorder_points",
    in_layer="ml",
    description=(
        "Demand of a lead time after the last complete day, and the stock that is enough for it with a given "
        "probability: a quantile of past forecasts' errors over as many days. Stock on hand, real lead times and costs "
        "are not in the data; lead times and service levels are parameters. Products sell too rarely for one."
    ),
    grain="One row per level, name, lead time and service level.",
    key=("level", "name", "lead_days", "service_level"),
    columns=(
        Column("level", "string", "What the series is: all items, a state, a category, or both.", accepted=LEVELS),
        Column("name", "string", "State, category or `category/state`; `total` for all items.", made_from=NAME),
        Column(
            "lead_days", "int", "Days from an order to its delivery, as a parameter of the run.", unit="days",
            minimum=1, maximum=MAX_LEAD_DAYS,
        ),
        Column(
            "service_level", "double", "Probability that the stock is enough, as a parameter of the run.",
            minimum=MIN_SERVICE, maximum=1,
        ),
        Column(
            "mean_demand", "double", "Expected units in the lead time.", unit="units", minimum=0, made_from=UNITS
        ),
        Column(
            "safety_stock", "double",
            "Reorder point minus expected units; null where past residuals are too few for the service level.",
            nullable=True, unit="units", made_from=UNITS,
        ),
        Column(
            "reorder_point", "double",
            "Units that are enough for the lead time with the probability of the service level; null where past "
            "residuals are too few for it.",
            nullable=True, unit="units", minimum=0, made_from=UNITS,
        ),
    ),
    may_be_empty=True,
    rules=(
        Rule(
            "reorder_point_is_mean_plus_safety_stock",
            "SELECT count(*) FROM {table} WHERE abs(mean_demand + safety_stock - reorder_point) > 0.000001",
            "Expected units and safety stock together are the reorder point.",
            blocking=True,
        ),
        Rule(
            "reorder_point_grows_with_the_service_level",
            "SELECT count(*) FROM (SELECT reorder_point - lag(reorder_point) OVER (PARTITION BY level, name, lead_days "
            "ORDER BY service_level) AS step FROM {table}) WHERE step < 0",
            "A higher service level never needs less stock.",
            blocking=True,
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip


@table_asset(GOLD_REORDER_POINTS)
def gold_reorder_points(
    config: ReorderRule,
    gold_forecast_evaluation: pa.Table,
    silver_order_items: pa.Table,
    silver_purchases: pa.Table,
    silver_customers: pa.Table,
) -> pa.Table:
    """Reorder points of each series that sold recently, by the champion of its level."""
    sold = demand(silver_order_items, silver_purchases, silver_customers)
    best = champions(gold_forecast_evaluation)
    rows = [row for level in LEVELS for row in reorder_rows(sold, level, best[level], config)]
    return pa.Table.from_pylist(rows, arrow_schema(GOLD_REORDER_POINTS))


def reorder_rows(sold: Demand, level: str, model: str, rule: ReorderRule) -> Iterator[dict[str, Any]]:
    """The rows of a level by lead time, service level and name."""
    for days in rule.lead_days:
        found = lead_time(sold, level, model, days=days, services=rule.service_levels, rule=rule)
        if found is None:
            return
        for service, points in zip(rule.service_levels, found.points, strict=True):
            for name, mean, point in zip(found.names, found.mean.tolist(), points.tolist(), strict=True):
                is_known = np.isfinite(point)
                yield {
                    "level": level,
                    "name": name,
                    "lead_days": days,
                    "service_level": service,
                    "mean_demand": mean,
                    "safety_stock": point - mean if is_known else None,
                    "reorder_point": point if is_known else None,
                }
