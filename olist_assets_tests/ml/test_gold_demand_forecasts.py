"""Forecasts as a table: its rows by champion, and each of its rules broken once."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from olist_assets.decisions.demand.rule import ForecastRule
from olist_assets.ml.gold_demand_forecasts import GOLD_DEMAND_FORECASTS, gold_demand_forecasts
from olist_assets.ml.gold_forecast_evaluation import GOLD_FORECAST_EVALUATION
from olist_assets_tests.checks.verdicts import verdict, verdicts
from olist_assets_tests.decisions.demand.series import MONDAY, noisy, tables
from olist_assets_tests.rows import arrow_rows, store

DAY = date(2018, 9, 1)
CHAMPIONS = [
    {"level": level, "model": model, "is_champion": True}
    for level, model in (("category", "mean_28"), ("state", "level_weekday"))
]


def forecasts(days: int, *evaluation: dict[str, Any]) -> pa.Table:
    return gold_demand_forecasts(
        ForecastRule(), arrow_rows(GOLD_FORECAST_EVALUATION, *evaluation), **tables(noisy(days))
    )


def test_each_level_is_forecast_by_its_champion_or_the_seasonal_naive_for_the_days_after_the_last():
    loser = {"level": "category", "model": "level_weekday", "is_champion": False}
    found = forecasts(200, *CHAMPIONS, loser)
    assert found.schema.names == list(GOLD_DEMAND_FORECASTS.column_names)
    rows = found.to_pylist()
    assert {(row["level"], row["model"]) for row in rows} == {
        ("total", "seasonal_naive_7"), ("state", "level_weekday"), ("category", "mean_28"),
        ("category_state", "seasonal_naive_7"), ("product_share", "category_share"),
    }  # fmt: skip
    last = MONDAY + timedelta(days=199)
    assert {row["origin"] for row in rows} == {last}
    of_one = [row["day"] for row in rows if (row["level"], row["name"]) == ("category", "c1")]
    assert of_one == [last + timedelta(days=ahead) for ahead in range(1, 29)]
    assert {row["low80"] is None for row in rows if row["level"] == "category"} == {False}
    assert {row["low80"] for row in rows if row["level"] == "product_share"} == {None}


def test_bounds_are_null_where_residuals_are_too_few_and_a_short_history_has_no_rows():
    rows = forecasts(100).to_pylist()
    of_total = next(row for row in rows if row["level"] == "total")
    assert (of_total["low95"], of_total["high95"]) == (None, None)
    assert forecasts(40).num_rows == forecasts(0).num_rows == 0


def row(level: str = "category", mean: float = 4.0, **other: Any) -> dict[str, Any]:
    return {
        "level": level, "name": "toys", "day": DAY, "mean": mean, "low80": 2.0, "high80": 6.0, "low95": 1.0,
        "high95": 9.0, "model": "mean_28", **other,
    }  # fmt: skip


GOOD = [
    row(),
    row("product_share", 3.0, name="a", model="category_share"),
    row("product_share", 1.0, name="b", model="category_share"),
]
FAULTS = {
    "model_is_the_champion": row(name="art", mean=0.0, model="level_weekday"),
    "intervals_are_nested": row("total", low95=3.0),
    "products_add_up_to_their_categories": row("product_share", 1.0, name="c", model="category_share"),
    "mean_is_in_range": row("total", mean=-1.0),
    "low80_is_in_range": row("total", low80=-1.0, low95=None),
    "high80_is_in_range": row("total", low80=None, low95=None, high80=-1.0),
    "low95_is_in_range": row("total", low95=-1.0),
    "high95_is_in_range": row("total", low80=None, low95=None, high80=None, high95=-1.0),
    "level_is_accepted": row("city"),
    "model_is_accepted": row("total", model="oracle"),
    "level_name_origin_day_are_unique": GOOD[0],
}


@pytest.fixture
def evaluated(warehouse):
    store(warehouse, GOLD_FORECAST_EVALUATION, *CHAMPIONS)
    return warehouse


def test_all_checks_pass_on_valid_rows_and_on_none(evaluated):
    for rows in (GOOD, []):
        store(evaluated, GOLD_DEMAND_FORECASTS, *rows)
        results = verdicts(evaluated, GOLD_DEMAND_FORECASTS)
        assert [name for name, result in results.items() if not result.passed] == []
        assert set(FAULTS) <= set(results)


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_fails_on_its_fault(evaluated, check: str):
    store(evaluated, GOLD_DEMAND_FORECASTS, *GOOD, FAULTS[check])
    assert not verdict(evaluated, GOLD_DEMAND_FORECASTS, check).passed
