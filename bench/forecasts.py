"""Errors of other forecasts of the categories at the origins of gold_forecast_evaluation, beside the platform's own.

    make bench-decisions

AutoETS, AutoTheta and MSTL are statsforecast's, LightGBM is mlforecast's: the group `bench` of pyproject.toml. Each
knows the days up to the origin only, in the tables of OLIST_WAREHOUSE.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from time import perf_counter
from typing import Any

import click
import numpy as np
import pandas as pd

from olist_assets.catalog import catalog
from olist_assets.decisions.demand.rolling import evaluated, rolling
from olist_assets.decisions.demand.rule import CANDIDATES, CATEGORY, WEEK, EvaluationRule
from olist_assets.decisions.demand.units import Demand, demand
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings

TABLES = ("silver_order_items", "silver_purchases", "silver_customers")
RULE = EvaluationRule()
LAGS = (1, 2, 3, 7, 14, 21, 28)
# The newest origins: their windows were not used to choose any constant.
FROZEN = 2
Forecast = Callable[[pd.DataFrame], np.ndarray]


@click.command()
def main() -> None:
    """Print a line per forecast: WAPE per day and of 28 days, over eight origins and over the newest two."""
    warehouse = Warehouse(Settings(), catalog())
    sold = demand(**{name: warehouse.rows(warehouse.open(name)) for name in TABLES})
    own = {model: rolling(sold, CATEGORY, model, RULE.horizon_days, RULE) for model in CANDIDATES}
    known = own[CANDIDATES[0]]
    numbers = evaluated(known.origins, RULE.horizon_days, RULE.origins)
    click.echo(f"{'WAPE of categories':<18}{'day':>8}{'28 days':>9}{'newest: day':>13}{'28 days':>9}{'seconds':>9}")
    for model, forecasts in own.items():
        click.echo(line(model, forecasts.forecast[numbers], known.actual[numbers]))
    for model, forecast in others():
        begin = perf_counter()
        expected = np.stack([forecast(history(sold, int(known.origins[at]))) for at in numbers])
        click.echo(line(model, expected, known.actual[numbers], perf_counter() - begin))


def line(model: str, expected: np.ndarray, actual: np.ndarray, seconds: float | None = None) -> str:
    """The errors of a model's forecasts, (origins, series, days)."""
    cells = [
        wape(expected[part], actual[part], together) for part in (slice(None), slice(FROZEN)) for together in (0, 1)
    ]
    took = "" if seconds is None else f"{seconds:>9.1f}"
    return f"{model:<18}{cells[0]:>8.3f}{cells[1]:>9.3f}{cells[2]:>13.3f}{cells[3]:>9.3f}{took}"


def wape(expected: np.ndarray, actual: np.ndarray, together: int) -> float:
    """Absolute errors over the units sold; of single days, or of the days together."""
    wrong = (expected - actual).sum(axis=2) if together else expected - actual
    return float(np.abs(wrong).sum() / actual.sum())


def history(sold: Demand, origin: int) -> pd.DataFrame:
    """The daily units up to an origin, in the form that both libraries take."""
    units = sold.levels[CATEGORY].units[:, : origin + 1]
    days = pd.date_range(sold.first, periods=origin + 1)
    ids = np.arange(len(units))
    return pd.DataFrame({"unique_id": np.repeat(ids, len(days)), "ds": np.tile(days, len(ids)), "y": units.ravel()})


def others() -> Iterator[tuple[str, Forecast]]:
    """The other forecasts by name: each returns (series, days) of a history."""
    models = import_module("statsforecast.models")
    chosen = {
        "AutoETS": models.AutoETS(season_length=WEEK),
        "AutoTheta": models.AutoTheta(season_length=WEEK),
        "MSTL": models.MSTL(season_length=WEEK),
    }
    for name, model in chosen.items():
        yield name, lambda known, model=model: statistical(model, known)
    yield "LightGBM", boosted


def statistical(model: Any, known: pd.DataFrame) -> np.ndarray:
    """A model of statsforecast, fitted to each series by itself; units are never below zero."""
    forecaster = import_module("statsforecast").StatsForecast(models=[model], freq="D")
    return as_array(forecaster.forecast(df=known, h=RULE.horizon_days), str(model))


def boosted(known: pd.DataFrame) -> np.ndarray:
    """One LightGBM for all series, day by day: lags, means of 7 and 28 days, and the weekday."""
    rolling_mean = import_module("mlforecast.lag_transforms").RollingMean
    forecaster = import_module("mlforecast").MLForecast(
        models={"LightGBM": import_module("lightgbm").LGBMRegressor(n_estimators=200, random_state=42, verbosity=-1)},
        freq="D",
        lags=list(LAGS),
        lag_transforms={1: [rolling_mean(window_size=WEEK), rolling_mean(window_size=4 * WEEK)]},
        date_features=["dayofweek"],
    )
    forecaster.fit(known, static_features=[])
    return as_array(forecaster.predict(RULE.horizon_days), "LightGBM")


def as_array(found: pd.DataFrame, column: str) -> np.ndarray:
    ordered = found.sort_values(["unique_id", "ds"])
    return np.maximum(ordered[column].to_numpy(float).reshape(-1, RULE.horizon_days), 0)


if __name__ == "__main__":
    main()
