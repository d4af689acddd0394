"""`olist forecast` and `olist reorder`: stored forecasts, reorder points for other parameters, and what they refuse."""

import csv
import io
import json
from typing import Any

import pytest

from olist_assets.catalog import catalog
from olist_assets.decisions.demand.rule import ForecastRule, ReorderRule
from olist_assets.ml.gold_demand_forecasts import gold_demand_forecasts
from olist_assets.ml.gold_forecast_evaluation import GOLD_FORECAST_EVALUATION
from olist_assets.ml.gold_reorder_points import gold_reorder_points
from olist_assets_tests.decisions.demand.series import noisy, tables
from olist_assets_tests.rows import arrow_rows, store

SUCCESS, FAILED, WRONG_USE = 0, 1, 2
CHAMPION = {"level": "category", "model": "level_weekday", "is_champion": True}
SOLD = tables(noisy(200))
EVALUATION = arrow_rows(GOLD_FORECAST_EVALUATION, CHAMPION)
FORECASTS = gold_demand_forecasts(ForecastRule(), EVALUATION, **SOLD)


@pytest.fixture
def forecasts(warehouse):
    """The forecasts of three categories in two states, and what they are made from."""
    stored = SOLD | {"gold_forecast_evaluation": EVALUATION, "gold_demand_forecasts": FORECASTS}
    for name, rows in stored.items():
        store(warehouse, catalog().table(name), *rows.to_pylist())


def as_json(olist, *words: str) -> list[dict[str, Any]]:
    code, text = olist(*words, "--format", "json")
    assert code == SUCCESS, text
    return json.loads(text)


def test_a_series_is_shown_by_day_and_a_level_by_series(olist, forecasts):
    days = as_json(olist, "forecast", "--level", "category", "--name", "c1", "--days", "7")
    assert [row["day"] for row in days] == [f"2018-07-{day}" for day in range(20, 27)]
    assert all(row["low80"] < row["mean"] < row["high80"] for row in days)
    assert {row["model"] for row in days} == {"level_weekday"}
    states = as_json(olist, "forecast", "--level", "state")
    assert {row["name"] for row in states} == {"SP", "RJ"}
    assert [row["units"] for row in states] == sorted((row["units"] for row in states), reverse=True)
    (total,) = as_json(olist, "forecast")
    assert total["name"] == "total"
    code, text = olist("forecast", "--level", "category", "--name", "c1", "--format", "csv")
    assert (code, len(list(csv.DictReader(io.StringIO(text))))) == (SUCCESS, 28)


def test_a_reorder_point_equals_that_of_the_table_for_the_same_parameters(olist, forecasts):
    rule = ReorderRule(lead_days=[10], service_levels=[0.9])
    expected = {
        row["name"]: row
        for row in gold_reorder_points(rule, EVALUATION, **SOLD).to_pylist()
        if row["level"] == "category"
    }
    found = as_json(olist, "reorder", "--lead-days", "10", "--service", "0.9")
    assert {row["name"] for row in found} == set(expected)
    for row in found:
        for column in ("mean_demand", "safety_stock", "reorder_point"):
            assert row[column] == pytest.approx(expected[row["name"]][column], abs=0.051)
    (one,) = as_json(olist, "reorder", "--name", "c2", "--lead-days", "10", "--service", "0.9")
    assert one == next(row for row in found if row["name"] == "c2")


def test_an_unknown_name_is_answered_with_those_that_exist(olist, forecasts):
    for command in ("forecast", "reorder"):
        code, text = olist(command, "--level", "category", "--name", "toys")
        assert (code, "There are: c0, c1, c2." in text) == (WRONG_USE, True)
    assert olist("forecast", "--level", "city")[0] == WRONG_USE


def test_what_the_residuals_do_not_carry_is_refused(olist, forecasts):
    code, text = olist("reorder", "--level", "total", "--service", "0.99")
    assert code == WRONG_USE
    assert "19 past forecasts of 14 days of the level total carry service levels up to 0.95, not 0.99" in text
    assert as_json(olist, "reorder", "--level", "total", "--service", "0.95")
    code, text = olist("forecast", "--days", "29")
    assert (code, "give --days 28 or less" in text) == (WRONG_USE, True)
    for option, value in (
        ("--service", "1"),
        ("--service", "0.4"),
        ("--service", "nan"),
        ("--lead-days", "61"),
        ("--lead-days", "0"),
    ):
        assert olist("reorder", option, value)[0] == WRONG_USE
    assert olist("reorder", "--level", "product_share")[0] == WRONG_USE


def test_a_short_history_has_no_forecast(olist, warehouse):
    code, text = olist("forecast")
    assert (code, "gold_demand_forecasts" in text) == (WRONG_USE, True)
    short = tables(noisy(30)) | {"gold_forecast_evaluation": EVALUATION, "gold_demand_forecasts": FORECASTS.slice(0, 0)}
    for name, rows in short.items():
        store(warehouse, catalog().table(name), *rows.to_pylist())
    for command in ("forecast", "reorder"):
        code, text = olist(command)
        assert (code, "less than eight weeks" in text) == (WRONG_USE, True)
