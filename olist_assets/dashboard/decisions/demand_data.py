"""What the Demand tab shows: forecasts after what was sold, errors and coverages by origin, reorder points."""

from datetime import date

import pandas as pd

from olist_assets.contracts.thresholds import OLIST_EVENTS
from olist_assets.dashboard.data import answer
from olist_assets.decisions.demand.rule import CATEGORY, CATEGORY_STATE, STATE, TOTAL

PAST_DAYS = 84
SOLD = """
SELECT order_date AS day, count(*)::DOUBLE AS sold
FROM silver_order_items JOIN silver_purchases USING (order_id) JOIN silver_customers USING (customer_id)
WHERE order_date BETWEEN $first AND $last AND {series} GROUP BY ALL ORDER BY day
"""
# How a level's names are those of an item.
SERIES = {
    TOTAL: "$name = 'total'",
    STATE: "customer_state = $name",
    CATEGORY: "product_category_name_english = $name",
    CATEGORY_STATE: "product_category_name_english || '/' || customer_state = $name",
}
ALL = "origins = (SELECT max(origins) FROM gold_forecast_evaluation)"
LONGEST = "horizon = (SELECT max(horizon) FROM gold_forecast_evaluation)"


def names(level: str) -> list[str]:
    """The series of a level, those with the most expected units first."""
    found = answer(
        "SELECT name FROM gold_demand_forecasts WHERE level = $level GROUP BY name "
        "ORDER BY round(sum(mean), 6) DESC, name",
        level=level,
    )
    return found["name"].tolist()


def forecast(level: str, name: str) -> pd.DataFrame:
    """The days of a series' forecast: mean, ends of the intervals, origin and model."""
    return answer(
        "SELECT day, origin, mean, low80, high80, low95, high95, model FROM gold_demand_forecasts "
        "WHERE level = $level AND name = $name ORDER BY day",
        level=level, name=name,
    )  # fmt: skip


def sold(level: str, name: str, origin: pd.Timestamp) -> pd.DataFrame:
    """Units of the series per day of the twelve weeks up to the origin, with days without a sale."""
    days = pd.date_range(end=origin, periods=PAST_DAYS)
    first = origin - pd.Timedelta(days=PAST_DAYS - 1)
    found = answer(SOLD.format(series=SERIES[level]), name=name, first=first.date(), last=origin.date())
    return found.set_index("day").reindex(days, fill_value=0).rename_axis("day").reset_index()


def errors(level: str, metric: str) -> pd.DataFrame:
    """A metric of each model by origin, with its interval and what is known about the days of its window."""
    found = answer(
        "SELECT model, origin, origin + horizon AS last, value, low, high, is_champion FROM gold_forecast_evaluation "
        f"WHERE level = $level AND metric = $metric AND model <> 'zero' AND origins = 1 AND {LONGEST} "
        "ORDER BY origin, model",
        level=level, metric=metric,
    )  # fmt: skip
    windows = zip(found["origin"].dt.date, found["last"].dt.date, strict=True)
    return found.assign(event=[_event(*window) for window in windows])


def coverage(level: str) -> pd.DataFrame:
    """How often intervals of the champion held what was sold, over all origins, beside what they promise."""
    return answer(
        "SELECT metric AS intervals, if(metric LIKE '%coverage80%', 0.8, 0.95)::DOUBLE AS promised, value AS covered, "
        "low, high FROM gold_forecast_evaluation "
        f"WHERE level = $level AND is_champion AND metric LIKE '%coverage%' AND {ALL} AND {LONGEST} ORDER BY metric",
        level=level,
    )


def reorder_parameters(level: str) -> tuple[list[int], list[float]]:
    """The lead times and the service levels that a level's reorder points are stored for."""
    found = answer(
        "SELECT DISTINCT lead_days, service_level FROM gold_reorder_points WHERE level = $level", level=level
    )
    return sorted(set(found["lead_days"])), sorted(set(found["service_level"]))


def reorder_points(level: str, lead_days: int, service_level: float) -> pd.DataFrame:
    """The stored reorder points of a level for a lead time and a service level, the highest first."""
    return answer(
        "SELECT name, mean_demand, safety_stock, reorder_point FROM gold_reorder_points "
        "WHERE level = $level AND lead_days = $days AND service_level = $service ORDER BY mean_demand DESC, name",
        level=level, days=lead_days, service=service_level,
    )  # fmt: skip


def _event(origin: date, last: date) -> str:
    """The known events that concern all orders of the days after an origin."""
    found = (each for each in OLIST_EVENTS if origin < each.last and each.first <= last and not each.columns)
    return " ".join(each.reason for each in found)
