"""The Demand tab: a series' forecast, errors with known events, coverage, reorder points, and what is missing."""

from datetime import date, timedelta

import pytest

from olist_assets.catalog import catalog
from olist_assets.dashboard.decisions import demand_data
from olist_assets.decisions.demand.rule import ForecastRule, ReorderRule
from olist_assets.ml.gold_demand_forecasts import gold_demand_forecasts
from olist_assets.ml.gold_forecast_evaluation import GOLD_FORECAST_EVALUATION
from olist_assets.ml.gold_reorder_points import gold_reorder_points
from olist_assets_tests.dashboard.conftest import messages, rerun, shown
from olist_assets_tests.decisions.demand.series import MONDAY, noisy, tables
from olist_assets_tests.rows import arrow_rows, store

ORIGINS = [date(2018, 4, 1), date(2018, 4, 29), date(2018, 5, 27), date(2018, 6, 24)]
SCORE = {"level": "category", "horizon": 28, "value": 0.4, "low": 0.3, "high": 0.5}
SCORES = [
    *(
        SCORE | {"origin": origin, "origins": 1, "metric": metric, "model": model}
        for origin in ORIGINS
        for metric in ("wape_sum", "wape_day")
        for model in ("level_weekday", "seasonal_naive_7", "zero")
    ),
    *(
        SCORE | {"origin": ORIGINS[-1], "origins": 4, "metric": metric, "model": "level_weekday", "is_champion": True}
        for metric in ("coverage80_sum", "poisson_coverage80_sum", "wape_sum")
    ),
]
SOLD = tables(noisy(200))
EVALUATION = arrow_rows(GOLD_FORECAST_EVALUATION, *({"is_champion": False} | score for score in SCORES))


@pytest.fixture
def demand(warehouse, settings) -> None:
    """Forecasts of three categories in two states, with their evaluation and reorder points."""
    stored = SOLD | {
        "gold_forecast_evaluation": EVALUATION,
        "gold_demand_forecasts": gold_demand_forecasts(ForecastRule(), EVALUATION, **SOLD),
        "gold_reorder_points": gold_reorder_points(ReorderRule(), EVALUATION, **SOLD),
    }
    for name, rows in stored.items():
        store(warehouse, catalog().table(name), *rows.to_pylist())


def test_page_without_tables_names_them_and_the_command(settings):
    found = messages(shown("decisions"))
    for name in ("gold_demand_forecasts", "gold_forecast_evaluation", "gold_reorder_points"):
        assert f"olist materialize --select {name} --upstream" in found


def test_the_tab_shows_the_chosen_series_of_each_level(demand):
    app = shown("decisions")
    cards = {card.label: card.value for card in app.metric}
    last = MONDAY + timedelta(days=199)
    assert cards["Last complete day"] == f"{last:%d %b %Y}"
    assert cards["Model"] == "seasonal_naive_7"
    for level in ("state", "category", "category_state"):
        app.session_state["demand_level"] = level
        rerun(app)
        assert app.selectbox(key=f"demand_{level}").options == demand_data.names(level)
    assert set(app.dataframe[-1].value.columns) == {"name", "mean_demand", "safety_stock", "reorder_point"}


def test_what_was_sold_has_days_without_a_sale_and_belongs_to_the_series(demand):
    last = demand_data.forecast("state", "SP")["origin"].iloc[0]
    days = {level: demand_data.sold(level, name, last) for level, name in (
        ("total", "total"), ("state", "SP"), ("category", "c1"), ("category_state", "c1/RJ"),
    )}  # fmt: skip
    assert {len(found) for found in days.values()} == {demand_data.PAST_DAYS}
    sums = {level: found["sold"].sum() for level, found in days.items()}
    assert sums["total"] > sums["state"] > sums["category_state"] > 0
    assert sums["category"] > sums["category_state"]
    later = demand_data.sold("state", "SP", last + timedelta(days=3))
    assert later["sold"].tail(3).tolist() == [0, 0, 0]


def test_errors_name_the_known_events_of_a_window_and_leave_out_the_forecast_of_zero(demand):
    found = demand_data.errors("category", "wape_sum")
    assert set(found["model"]) == {"level_weekday", "seasonal_naive_7"}
    strike = found[found["event"].str.contains("Strike")]
    assert {day.date() for day in strike["origin"]} == {date(2018, 4, 29), date(2018, 5, 27)}


def test_a_poisson_interval_that_is_too_narrow_is_a_warning(demand):
    app = shown("decisions")
    app.session_state["demand_level"] = "category"
    found = messages(rerun(app))
    assert app.dataframe[0].value["intervals"].tolist() == ["sum of the window, 80 %", "sum as a Poisson count, 80 %"]
    assert "a Poisson count would hold 40 % of the sums instead of 80 %" in found


def test_a_short_history_is_said_and_shows_no_charts(warehouse, settings):
    for name in ("gold_forecast_evaluation", "gold_demand_forecasts", "gold_reorder_points"):
        store(warehouse, catalog().table(name))
    found = messages(shown("decisions"))
    assert found.count("The orders span less than eight weeks") == 2
    assert "Too few days are known" in found
