"""gold_price_scenarios: which price tests to run first, and what each would have to show."""

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.quoting import literal
from olist_assets.contracts.rules import Rule
from olist_assets.contracts.source_values import UNKNOWN_CATEGORY
from olist_assets.contracts.table import Column, Table
from olist_assets.decisions.price_tests import analysis, scenarios
from olist_assets.lakehouse.arrow_sql import query
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.ml.gold_price_elasticities import GAIN

STEPS = (-15, -10, -5, 5, 10, 15)
"""Percent of the present price. Larger ones leave the prices that an offer has had."""
NO_GAIN, NO_ELASTICITY = "no_out_of_sample_gain", "no_elasticity"
FEW_SALES, OUTSIDE, NO_STEP = "too_few_recent_sales", "outside_past_prices", "less_than_a_cent"
REASONS = (NO_GAIN, NO_ELASTICITY, FEW_SALES, OUTSIDE, NO_STEP)
RECENT_WEEKS, TEST_WEEKS = 13, 8
SIGNIFICANCE, POWER = 0.05, 0.8
MAX_INT = 2**31 - 1

OFFER, PRICES, UNITS = "gold_price_panel.product_id", "gold_price_panel.price", "gold_price_panel.units"
WEEK, NAME = "gold_price_panel.week", "silver_products.product_category_name_english"
ELASTICITY = ("gold_price_elasticities.shrunk", "gold_price_elasticities.shrunk_standard_error", NAME)
ALLOWED = (UNITS, PRICES, WEEK, "gold_price_elasticities.high")
CHANGED = (*ALLOWED, *ELASTICITY)

GOLD_PRICE_SCENARIOS = Table(
    name="gold_price_scenarios",
    in_layer="ml",
    description=(
        "A ranked list of price tests, not of prices: what a step would do to revenue if the elasticity of the "
        "category held for the offer, and how long a test would take to see it. Unit costs are not in the data; "
        "without an assumed one the gain is revenue."
    ),
    grain=(
        f"One row per offer (product_id, seller_id) with a sale in the last {RECENT_WEEKS} whole weeks, and step. "
        "Refused ones have a reason and no numbers."
    ),
    key=("product_id", "seller_id", "step"),
    columns=(
        Column("product_id", "string", "Identifier of the product.", made_from=(OFFER,)),
        Column("seller_id", "string", "Identifier of the seller.", made_from=("gold_price_panel.seller_id",)),
        Column("step", "int", "Change of the price.", unit="percent of the present price", minimum=-50, maximum=50),
        Column("product_category_name_english", "string", "Category of the product.", made_from=(NAME,)),
        Column("is_allowed", "boolean", "Whether the data support a test at the new price.", made_from=ALLOWED),
        Column(
            "refused_because", "string", "Why it is not allowed; null where it is.", nullable=True,
            accepted=REASONS, made_from=ALLOWED,
        ),
        Column(
            "rank", "int", "Place among the allowed ones by expected weekly gain; 1 is the largest.", nullable=True,
            minimum=1, made_from=CHANGED,
        ),
        Column(
            "price", "decimal(12,2)", "Present price: that of the last week with a sale.", unit="BRL", minimum=0,
            made_from=(PRICES, WEEK),
        ),
        Column("new_price", "decimal(12,2)", "Price after the step.", unit="BRL", minimum=0, made_from=(PRICES, WEEK)),
        Column(
            "lowest_price", "double", "The 5 % quantile of the offer's weekly prices.", unit="BRL", minimum=0,
            made_from=(PRICES,),
        ),
        Column(
            "highest_price", "double", "The 95 % quantile of the offer's weekly prices.", unit="BRL", minimum=0,
            made_from=(PRICES,),
        ),
        Column(
            "recent_units", "int", f"Units of the last {RECENT_WEEKS} whole weeks.", minimum=1,
            made_from=(UNITS, WEEK),
        ),
        Column(
            "revenue_change", "double", "Expected relative change of revenue.", nullable=True, minimum=-1,
            made_from=CHANGED,
        ),
        Column(
            "low", "double", "Lower end of the 95 % interval of the change of revenue; from the elasticity's error.",
            nullable=True, minimum=-1, made_from=CHANGED,
        ),
        Column(
            "high", "double", "Upper end of the 95 % interval of the change of revenue; from the elasticity's error.",
            nullable=True, minimum=-1, made_from=CHANGED,
        ),
        Column(
            "p_gain", "double", "Probability that revenue, less the assumed unit costs, rises.", nullable=True,
            minimum=0, maximum=1, made_from=CHANGED,
        ),
        Column(
            "expected_gain", "double", "Expected change of weekly revenue, less the assumed unit costs.",
            nullable=True, unit="BRL per week", made_from=CHANGED,
        ),
        Column(
            "weeks_to_test", "int",
            "Weeks in which a test of this offer alone, with the new price in every second week, would see the "
            f"expected gain with a power of {POWER:.0%} at {SIGNIFICANCE:.0%} significance. Null where no gain or loss "
            "is expected.",
            nullable=True, unit="weeks", minimum=1, made_from=(*CHANGED, "gold_price_elasticities.estimate"),
        ),
        Column(
            "offers_to_test", "int", f"Offers like this one that a test of {TEST_WEEKS} weeks would need together.",
            nullable=True, minimum=1, made_from=(*CHANGED, "gold_price_elasticities.estimate"),
        ),
        Column(
            "unit_cost_share", "double",
            "Assumption: the unit cost as a share of the present price. Null where the gain is revenue.",
            nullable=True, minimum=0, maximum=1,
        ),
    ),
    may_be_empty=True,
    rules=(
        Rule(
            name="scenarios_are_withheld_without_a_gain",
            offending=(
                "SELECT count(*) FROM {table} WHERE is_allowed "
                f"AND NOT EXISTS (FROM gold_price_elasticities WHERE {GAIN})"
            ),
            description="No test is allowed unless a price improves the prediction of later months.",
            blocking=True,
        ),
        Rule(
            name="allowed_scenarios_have_an_interval",
            offending=(
                "SELECT count(*) FROM {table} WHERE is_allowed AND NOT coalesce(low <= revenue_change AND "
                "revenue_change <= high AND p_gain IS NOT NULL AND rank IS NOT NULL, false)"
            ),
            description="Each allowed test has a change of revenue within its interval, a probability and a rank.",
            blocking=True,
        ),
        Rule(
            name="allowed_prices_were_seen_before",
            offending=(
                "SELECT count(*) FROM {table} WHERE is_allowed AND NOT new_price BETWEEN lowest_price AND highest_price"
            ),
            description="Each allowed price lies within the 5 to 95 % range of the offer's past prices.",
            blocking=True,
        ),
        Rule(
            name="refused_scenarios_have_a_reason",
            offending=(
                "SELECT count(*) FROM {table} WHERE is_allowed <> (refused_because IS NULL) "
                "OR NOT is_allowed AND revenue_change IS NOT NULL"
            ),
            description="A test is either allowed, or has a reason and no numbers.",
            blocking=True,
        ),
    ),
    kinds=frozenset({"deltalake", "duckdb"}),
)  # fmt: skip

OFFERS = f"""
WITH ends AS (SELECT max(week) AS last FROM gold_price_panel),
offers AS (
    SELECT product_id, seller_id, arg_max(price, week) AS price,
        quantile_cont(price::DOUBLE, 0.05) AS lowest_price, quantile_cont(price::DOUBLE, 0.95) AS highest_price,
        sum(units) FILTER (week > last - {7 * RECENT_WEEKS}) AS recent_units,
        least(date_diff('week', min(week), last) + 1, {RECENT_WEEKS}) AS weeks
    FROM gold_price_panel CROSS JOIN ends GROUP BY product_id, seller_id, last HAVING recent_units > 0
),
elasticities AS (
    SELECT name, shrunk, shrunk_standard_error FROM gold_price_elasticities WHERE scope = '{analysis.CATEGORY}'
),
steps AS (SELECT unnest({list(STEPS)}) AS step)
SELECT product_id, seller_id, step::INTEGER AS step,
    coalesce(product_category_name_english, {literal(UNKNOWN_CATEGORY)}) AS product_category_name_english,
    price, round(price * (100 + step) / 100, 2)::DECIMAL(12, 2) AS new_price, lowest_price, highest_price,
    recent_units::INTEGER AS recent_units, recent_units / weeks AS weekly_units, shrunk, shrunk_standard_error
FROM offers LEFT JOIN silver_products USING (product_id) CROSS JOIN steps
LEFT JOIN elasticities ON name = coalesce(product_category_name_english, {literal(UNKNOWN_CATEGORY)})
ORDER BY product_id, seller_id, step
"""
# A price improves predictions; and the variance of units over their mean.
OF_ALL = f"""
SELECT coalesce(bool_or({GAIN}), false) AS has_gain,
    coalesce(max(estimate) FILTER (scope = '{analysis.DISPERSION}'), 1.0) AS dispersion
FROM gold_price_elasticities
"""


class ScenarioConfig(BaseModel):
    """What the data do not have: costs; and from which sales on a test is worth its while."""

    unit_cost_share: float | None = Field(
        default=None, ge=0, lt=1, description="Unit cost as a share of the present price; without it revenue counts."
    )
    min_recent_units: int = Field(
        default=8, ge=1, description=f"Units of the last {RECENT_WEEKS} weeks that an offer needs for a test."
    )


@table_asset(GOLD_PRICE_SCENARIOS)
def gold_price_scenarios(
    config: ScenarioConfig, gold_price_panel: pa.Table, gold_price_elasticities: pa.Table, silver_products: pa.Table
) -> pa.Table:
    """Steps of the prices of offers that sell, with what they would change, ranked by the expected gain."""
    offers = query(
        OFFERS,
        gold_price_panel=gold_price_panel,
        gold_price_elasticities=gold_price_elasticities,
        silver_products=silver_products,
    )
    (of_all,) = query(OF_ALL, gold_price_elasticities=gold_price_elasticities).to_pylist()
    column = {name: offers[name].to_numpy() for name in offers.column_names}
    refused = reasons(column, config, has_gain=of_all["has_gain"])
    is_allowed = refused == ""
    numbers = changes(column, is_allowed, config.unit_cost_share, of_all["dispersion"])
    found = offers.select([name for name in GOLD_PRICE_SCENARIOS.column_names if name in offers.column_names])
    found = found.append_column("is_allowed", pa.array(is_allowed))
    found = found.append_column("refused_because", pa.array(refused, pa.string(), mask=is_allowed))
    for name, values in numbers.items():
        # Null where a number is not known, and in every refused row.
        found = found.append_column(name, pa.array(values, mask=~(is_allowed & np.isfinite(values))))
    found = found.append_column("unit_cost_share", pa.array([config.unit_cost_share] * len(refused), pa.float64()))
    return found.select(GOLD_PRICE_SCENARIOS.column_names).cast(arrow_schema(GOLD_PRICE_SCENARIOS))


def reasons(column: dict[str, np.ndarray], config: ScenarioConfig, *, has_gain: bool) -> np.ndarray:
    """Why each row is refused, the first reason that holds; empty where it is allowed."""
    new_price = column["new_price"].astype(float)
    is_outside = (new_price < column["lowest_price"]) | (new_price > column["highest_price"])
    has_elasticity = ~np.isnan(column["shrunk"].astype(float))
    is_rare = column["recent_units"] < config.min_recent_units
    is_same = column["new_price"] == column["price"]
    holds = [np.full(len(new_price), not has_gain), ~has_elasticity, is_rare, is_outside, is_same]
    return np.select(holds, REASONS, default="").astype(object)


def changes(
    column: dict[str, np.ndarray], is_allowed: np.ndarray, unit_cost_share: float | None, dispersion: float
) -> dict[str, np.ndarray]:
    """What each step changes, as columns of numbers."""
    step = column["step"] / 100
    elasticity, error = (column[name].astype(float) for name in ("shrunk", "shrunk_standard_error"))
    weekly_units, cost = column["weekly_units"].astype(float), unit_cost_share or 0.0
    ends = [scenarios.revenue_change(step, elasticity + sign * analysis.Z * error) for sign in (-1, 1)]
    gain = scenarios.gain_change(step, elasticity, cost)
    weekly_gain = gain * (1 - cost) * weekly_units * column["price"].astype(float)
    weeks = scenarios.weeks_to_test(
        step, elasticity, weekly_units,
        dispersion=dispersion, unit_cost_share=cost, significance=SIGNIFICANCE, power=POWER,
    )  # fmt: skip
    weeks[weeks > MAX_INT] = np.inf
    return {
        "rank": ranks(weekly_gain, is_allowed),
        "revenue_change": scenarios.revenue_change(step, elasticity),
        "low": np.minimum(*ends),
        "high": np.maximum(*ends),
        "p_gain": scenarios.p_gain(step, elasticity, error, cost),
        "expected_gain": weekly_gain,
        "weeks_to_test": weeks,
        "offers_to_test": np.ceil(weeks / TEST_WEEKS),
    }


def ranks(gain: np.ndarray, is_allowed: np.ndarray) -> np.ndarray:
    """Places of the allowed rows, the largest gain first; equal gains stay in the order of the rows."""
    order = np.argsort(np.where(is_allowed, -gain, np.inf), kind="stable")
    places = np.empty(len(gain))
    places[order] = np.arange(1, len(gain) + 1)
    return places
