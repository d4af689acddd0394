"""Forecasts of demand as stored, and reorder points for any lead time and service level."""

from collections.abc import Collection
from difflib import get_close_matches

import numpy as np
import pyarrow as pa

from olist_assets.contracts.quoting import literal
from olist_assets.decisions.demand.outlook import LeadTime, champions, lead_time
from olist_assets.decisions.demand.rule import ForecastRule
from olist_assets.decisions.demand.units import demand
from olist_assets.errors import OlistError
from olist_assets.governance.access import rows_of
from olist_assets.lakehouse.warehouse import Warehouse

FORECASTS = "gold_demand_forecasts"
# What the forecasts are made from: only the columns that are needed.
QUERIES = {
    "gold_forecast_evaluation": "SELECT level, model, is_champion FROM gold_forecast_evaluation",
    "silver_order_items": "SELECT order_id, product_id, product_category_name_english FROM silver_order_items",
    "silver_purchases": "SELECT order_id, customer_id, order_date FROM silver_purchases",
    "silver_customers": "SELECT customer_id, customer_state FROM silver_customers",
}
SHOWN_NAMES = 10


def forecasts(warehouse: Warehouse, level: str, name: str | None, days: int) -> pa.Table:
    """The stored forecast of a series by day, or without a name the expected units of each series of the level.

    Raises OlistError for a name that the level does not have, or for more days than are stored.
    """
    of_level = f"FROM {FORECASTS} WHERE level = {literal(level)}"
    (stored,) = rows_of(warehouse, f"SELECT max(day - origin)::INT AS days {of_level}").to_pylist()
    if stored["days"] is None:
        raise OlistError(f"{FORECASTS} has no forecasts of the level {level}: the orders span less than eight weeks.")
    if days > stored["days"]:
        raise OlistError(f"{FORECASTS} has {stored['days']} days: give --days {stored['days']} or less.")
    ahead = f"{of_level} AND day <= origin + {days}"
    if name is None:
        return rows_of(
            warehouse,
            f"SELECT name, min(day) AS first_day, max(day) AS last_day, round(sum(mean), 1) AS units, "
            f"any_value(model) AS model {ahead} GROUP BY name ORDER BY units DESC, name",
        )
    found = rows_of(
        warehouse,
        "SELECT day, round(mean, 2) AS mean, round(low80, 2) AS low80, round(high80, 2) AS high80, "
        f"round(low95, 2) AS low95, round(high95, 2) AS high95, model {ahead} AND name = {literal(name)} ORDER BY day",
    )
    if not found.num_rows:
        names = rows_of(warehouse, f"SELECT DISTINCT name {of_level} ORDER BY name")["name"].to_pylist()
        raise _unknown(level, name, names)
    return found


def reorder_points(
    warehouse: Warehouse, level: str, name: str | None, *, lead_days: int, service_level: float
) -> pa.Table:
    """Reorder points of a level's series, or of one, as gold_reorder_points has them for its own parameters.

    Raises OlistError for a name that the level does not have, and for a service level that past residuals do not carry.
    """
    found = _lead_time(warehouse, level, lead_days, service_level)
    if name is not None and name not in found.names:
        raise _unknown(level, name, found.names)
    if not np.isfinite(found.points).all():
        highest = found.residuals / (found.residuals + 1)
        raise OlistError(
            f"{found.residuals} past forecasts of {lead_days} days of the level {level} carry service levels up to "
            f"{np.floor(highest * 1000) / 1000:g}, not {service_level:g}. A level with more series carries higher ones."
        )
    rows = pa.table(
        {
            "name": pa.array(found.names, pa.string()),
            "lead_days": pa.repeat(lead_days, len(found.names)),
            "service_level": pa.repeat(service_level, len(found.names)),
            "mean_demand": found.mean.round(1),
            "safety_stock": (found.points[0] - found.mean).round(1),
            "reorder_point": found.points[0].round(1),
        }
    )
    if name is not None:
        return rows.slice(list(found.names).index(name), 1)
    return rows.sort_by([("reorder_point", "descending"), ("name", "ascending")])


def _lead_time(warehouse: Warehouse, level: str, days: int, service: float) -> LeadTime:
    tables = {table: rows_of(warehouse, query) for table, query in QUERIES.items()}
    model = champions(tables.pop("gold_forecast_evaluation"))[level]
    found = lead_time(demand(**tables), level, model, days=days, services=[service], rule=ForecastRule())
    if found is None:
        raise OlistError("The orders span less than eight weeks, too few for a forecast.")
    return found


def _unknown(level: str, name: str, names: Collection[str]) -> OlistError:
    """The error for a name that the level does not have, with those that it has or the most similar ones."""
    shown = sorted(names) if len(names) <= SHOWN_NAMES else get_close_matches(name, names, n=SHOWN_NAMES, cutoff=0.3)
    listed = f" There are: {', '.join(shown)}." if len(names) <= SHOWN_NAMES else ""
    similar = f" Similar: {', '.join(shown)}." if shown and not listed else ""
    return OlistError(
        f"The level {level} has no series {name!r} that sold in the last eight weeks.{listed or similar} All names: "
        f"`olist forecast --level {level}`"
    )
