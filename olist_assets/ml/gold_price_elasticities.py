"""gold_price_elasticities: how units follow prices, with placebos and the evaluation on later months."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.quoting import literal
from olist_assets.contracts.rules import Rule
from olist_assets.contracts.source_values import UNKNOWN_CATEGORY
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.price_tests import analysis
from olist_assets.decisions.price_tests.analysis import ElasticityConfig, Row, elasticities
from olist_assets.decisions.price_tests.weeks import Weeks
from olist_assets.lakehouse.arrow_sql import query
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.ml.price_plots import price_plots

if TYPE_CHECKING:
    from olist_assets.mlops.tracking import Mlflow

UNITS, PRICES = "gold_price_panel.units", "gold_price_panel.price"
WEEK, BEFORE = "gold_price_panel.week", "gold_price_panel.price_before"
NAME = "silver_products.product_category_name_english"
FITTED = (UNITS, BEFORE, WEEK, NAME)
TESTED = (*FITTED, PRICES)
GAIN = f"scope = '{analysis.CHANGE}' AND name = '{analysis.ALL}' AND high < 0"
"""The row that says that a price improves predictions."""


def covers_zero(placebo: str, name: str, description: str) -> Rule:
    """A warning where the interval of a placebo does not cover zero."""
    rows = f"scope = '{analysis.PLACEBO}' AND name = '{placebo}'"
    return Rule(name, f"SELECT count(*) FROM {{table}} WHERE {rows} AND (low > 0 OR high < 0)", description)


GOLD_PRICE_ELASTICITIES = Table(
    name="gold_price_elasticities",
    in_layer="ml",
    description=(
        "Price elasticities in all and by category; placebos, in which a price must have no effect; and the evaluation "
        "on later months against a model without a price. Observed prices were set by sellers, not by chance: the "
        "elasticities rank tests and do not replace them."
    ),
    grain=(
        "One row per scope and name: `pooled` (all data, and without or only the last two months), `category`, `offer` "
        "(what an offer alone would tell), `placebo`, `dispersion`, and per predicted whole month, the last two and "
        "all of them `out_of_sample` (relative change of the deviance), `deviance_with_price` and "
        "`deviance_without_price`."
    ),
    key=("scope", "name"),
    columns=(
        Column(
            "scope", "string", "What the row estimates; see the grain.", accepted=analysis.SCOPES, made_from=FITTED,
        ),
        Column("name", "string", "Category, placebo, month (yyyy-mm) or part of the data.", made_from=(NAME, WEEK)),
        Column("method", "string", "How the row is estimated.", made_from=FITTED),
        Column(
            "estimate", "double",
            "Elasticity: percent more units per percent of a higher price. Of `out_of_sample` the relative change of "
            "the deviance, negative where the price helps; of the deviances the mean per offer and week. Null where "
            "the data do not identify it.",
            nullable=True, made_from=TESTED,
        ),
        Column(
            "standard_error", "double",
            "Standard error, clustered by offer; of `out_of_sample` that of the bootstrap over offers.",
            nullable=True, minimum=0, made_from=TESTED,
        ),
        Column(
            "low", "double", "Lower end of the 95 % interval; clusters and draws are offers.", nullable=True,
            made_from=TESTED,
        ),
        Column(
            "high", "double", "Upper end of the 95 % interval; clusters and draws are offers.", nullable=True,
            made_from=TESTED,
        ),
        Column(
            "shrunk", "double", "Of a category: the elasticity drawn towards the mean of all categories.",
            nullable=True, made_from=FITTED,
        ),
        Column(
            "shrunk_standard_error", "double", "Standard error of `shrunk`.", nullable=True, minimum=0,
            made_from=FITTED,
        ),
        Column(
            "placebo_lead", "double", "Of all data: the effect of the price four weeks ahead, which should be zero.",
            nullable=True, made_from=TESTED,
        ),
        Column(
            "placebo_lag", "double",
            "Of all data: the effect of the price four weeks ago; positive where cuts pull demand forward.",
            nullable=True, made_from=TESTED,
        ),
        Column("offers", "int", "Offers that the estimate rests on.", minimum=0, made_from=FITTED),
        Column("units", "int", "Units that the estimate rests on.", minimum=0, made_from=FITTED),
    ),
    may_be_empty=True,
    rules=(
        Rule(
            name="estimates_lie_within_their_intervals",
            offending="SELECT count(*) FROM {table} WHERE low > estimate OR high < estimate OR low IS NULL AND high "
            "IS NOT NULL OR high IS NULL AND low IS NOT NULL",
            description="Each interval has both ends, and the estimate between them.",
            blocking=True,
        ),
        covers_zero(
            analysis.AHEAD, "placebo_lead_covers_zero",
            "The price four weeks ahead has no effect. If it has one, prices follow demand and no elasticity is one.",
        ),
        covers_zero(
            analysis.PERMUTED, "permuted_prices_have_no_effect",
            "Prices of other offers have no effect. If they have one, the fit finds effects where none are.",
        ),
        Rule(
            name="price_improves_predictions",
            offending=(
                f"SELECT count(*) FROM {{table}} WHERE scope = '{analysis.POOLED}' AND name = '{analysis.ALL}' "
                f"AND NOT EXISTS (FROM {{table}} WHERE {GAIN})"
            ),
            description="A price improves the prediction of later months. If not, all scenarios are withheld.",
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb", "mlflow"}),
)  # fmt: skip

WEEKS = f"""
WITH named AS (
    SELECT gold_price_panel.*, coalesce(product_category_name_english, {literal(UNKNOWN_CATEGORY)}) AS category
    FROM gold_price_panel LEFT JOIN silver_products USING (product_id)
)
SELECT category,
    dense_rank() OVER (ORDER BY category, product_id, seller_id) - 1 AS offer,
    dense_rank() OVER (ORDER BY category) - 1 AS category_number,
    year(week) * 12 + month(week) AS month,
    -- The month before that of the first week that the panel lacks: all its weeks are there.
    year(max(week) OVER () + 7) * 12 + month(max(week) OVER () + 7) - 1 AS last_whole_month,
    date_diff('week', min(week) OVER (), week) AS week_number,
    strftime(week, '%Y-%m') AS month_name,
    units,
    nullif(price_before, 0)::DOUBLE AS price_before,
    nullif(lead(price, 4) OVER offer_weeks, 0)::DOUBLE AS price_ahead,
    nullif(lag(price, 4) OVER offer_weeks, 0)::DOUBLE AS price_ago
FROM named WINDOW offer_weeks AS (PARTITION BY product_id, seller_id ORDER BY week)
ORDER BY category, product_id, seller_id, week
"""


@table_asset(GOLD_PRICE_ELASTICITIES)
def gold_price_elasticities(
    mlflow: Resource["Mlflow"], config: ElasticityConfig, gold_price_panel: pa.Table, silver_products: pa.Table
) -> pa.Table:
    """Elasticities with placebos and an evaluation on later months, of the weeks between two sales of an offer."""
    panel = query(WEEKS, gold_price_panel=gold_price_panel, silver_products=silver_products)
    with mlflow.evaluation(GOLD_PRICE_ELASTICITIES, config) as run:
        rows = estimated(panel, config)
        run.log_metrics(metrics(rows))
        run.log_plots(price_plots(rows))
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=arrow_schema(GOLD_PRICE_ELASTICITIES))


def estimated(panel: pa.Table, config: ElasticityConfig) -> list[Row]:
    """All rows of a panel whose offers, categories and months have numbers; none of an empty one."""
    if not panel.num_rows:
        return []
    column = {name: panel[name].to_numpy() for name in panel.column_names}
    first = column["month"].min()
    month, last_month = column["month"] - first, int(column["last_whole_month"][0] - first)
    weeks = Weeks(
        offer=column["offer"],
        category=column["category_number"],
        month=month,
        week=column["week_number"],
        units=column["units"],
        log_price=np.log(column["price_before"]),
        log_price_ahead=np.log(column["price_ahead"]),
        log_price_ago=np.log(column["price_ago"]),
    )
    categories = column["category"][np.flatnonzero(np.diff(column["category_number"], prepend=-1))]
    months = dict(zip(month.tolist(), column["month_name"], strict=True))
    return elasticities(weeks, list(categories), months, last_month, config)


def metrics(rows: list[Row]) -> dict[str, float]:
    """What a run logs: the estimates over all data, by what they estimate."""
    shown = {analysis.POOLED: "elasticity", analysis.CHANGE: "deviance_change", analysis.PLACEBO: "placebo"}
    return {
        f"{shown[row.scope]}_{row.name}".replace("-", "_"): row.estimate
        for row in rows
        if row.scope in shown and row.estimate is not None
    }
