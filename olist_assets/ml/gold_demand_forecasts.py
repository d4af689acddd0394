"""gold_demand_forecasts: units per day after the last complete day, with intervals."""

import numpy as np
import pyarrow as pa

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.rules import Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.demand.outlook import Outlook, champions, outlooks
from olist_assets.decisions.demand.rule import CANDIDATES, CATEGORY, CATEGORY_SHARE, LEVELS, PRODUCT_SHARE, ForecastRule
from olist_assets.decisions.demand.units import Demand, demand
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.ml.gold_forecast_evaluation import DAY, NAME

UNITS = (DAY, *NAME, "gold_forecast_evaluation.model")
BOUND = (
    "null where past residuals are too few, and for a product, whose share of a category predicts nothing of its own"
)

GOLD_DEMAND_FORECASTS = Table(
    name="gold_demand_forecasts",
    in_layer="ml",
    description=(
        "Units of items per day of purchase, in orders of any status, for the days after the last complete one: by the "
        "champion of each level in gold_forecast_evaluation. Sales are forecast, not demand: nobody orders what is out "
        "of stock. Series that sold nothing in the eight weeks before the origin have no row."
    ),
    grain="One row per level, name, origin and day.",
    key=("level", "name", "origin", "day"),
    columns=(
        Column(
            "level", "string",
            "What the series is: all items, a state, a category, both; `product_share` is a product's recent share of "
            "its category's forecast.",
            accepted=(*LEVELS, PRODUCT_SHARE),
        ),
        Column(
            "name", "string", "State, category, `category/state` or identifier of the product; `total` for all items.",
            made_from=NAME,
        ),
        Column(
            "origin", "date", "Last complete day of the data, and the last that the forecast knows.", made_from=(DAY,)
        ),
        Column("day", "date", "Day that is forecast.", made_from=(DAY,)),
        Column("mean", "double", "Expected units.", unit="units", minimum=0, made_from=UNITS),
        *(
            Column(
                f"{end}{share}", "double", f"{text} end of the {share} % interval; {BOUND}.", nullable=True,
                unit="units", minimum=0, made_from=UNITS,
            )
            for share in (80, 95) for end, text in (("low", "Lower"), ("high", "Upper"))
        ),
        Column(
            "model", "string", "Forecast that was used: the champion of the level, or `category_share`.",
            accepted=(*CANDIDATES, CATEGORY_SHARE), made_from=("gold_forecast_evaluation.model",),
        ),
    ),
    may_be_empty=True,
    rules=(
        Rule(
            "model_is_the_champion",
            "SELECT count(*) FROM {table} f JOIN (SELECT DISTINCT level, model FROM gold_forecast_evaluation "
            "WHERE is_champion) c ON f.level = c.level WHERE f.model <> c.model",
            "Each level is forecast by its champion in gold_forecast_evaluation.",
            blocking=True,
        ),
        Rule(
            "intervals_are_nested",
            "SELECT count(*) FROM {table} WHERE low95 > low80 OR low80 > high80 OR high80 > high95",
            "The 80 % interval lies within that of 95 %.",
            blocking=True,
        ),
        Rule(
            "products_add_up_to_their_categories",
            "SELECT count(*) FROM (SELECT day FROM {table} GROUP BY day HAVING "
            f"abs(coalesce(sum(mean) FILTER (level = '{PRODUCT_SHARE}'), 0) "
            f"- coalesce(sum(mean) FILTER (level = '{CATEGORY}'), 0)) "
            "> 0.000001 * sum(mean))",
            "On each day the products' shares together are the forecasts of all categories.",
            blocking=True,
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip


@table_asset(GOLD_DEMAND_FORECASTS)
def gold_demand_forecasts(
    config: ForecastRule,
    gold_forecast_evaluation: pa.Table,
    silver_order_items: pa.Table,
    silver_purchases: pa.Table,
    silver_customers: pa.Table,
) -> pa.Table:
    """The days after the last complete one, of each series that sold recently."""
    sold = demand(silver_order_items, silver_purchases, silver_customers)
    found = outlooks(sold, champions(gold_forecast_evaluation), config)
    tables = [outlook_table(sold, outlook) for outlook in found]
    return pa.concat_tables([arrow_schema(GOLD_DEMAND_FORECASTS).empty_table(), *tables])


def outlook_table(sold: Demand, outlook: Outlook) -> pa.Table:
    """The rows of a level, by name and day."""
    series, days = outlook.mean.shape
    rows = series * days
    dates = [sold.day(sold.days + ahead) for ahead in range(days)]
    low80, high80, low95, high95 = (pa.array(bound.ravel(), from_pandas=True) for bound in outlook.bounds)
    columns = {
        "level": pa.repeat(outlook.level, rows),
        "name": pa.array(np.repeat(np.array(outlook.names, dtype=object), days), pa.string()),
        "origin": pa.repeat(pa.scalar(sold.day(sold.days - 1), pa.date32()), rows),
        "day": pa.array(dates * series, pa.date32()),
        "mean": pa.array(outlook.mean.ravel()),
        "low80": low80,
        "high80": high80,
        "low95": low95,
        "high95": high95,
        "model": pa.repeat(outlook.model, rows),
    }
    return pa.table(columns, schema=arrow_schema(GOLD_DEMAND_FORECASTS))
