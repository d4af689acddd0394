"""The evaluation of forecasts as a table: its rows, its MLflow run, and each of its rules broken once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from olist_assets.decisions.demand.rule import EvaluationRule
from olist_assets.ml.gold_forecast_evaluation import GOLD_FORECAST_EVALUATION, gold_forecast_evaluation
from olist_assets_tests.checks.verdicts import verdict, verdicts
from olist_assets_tests.decisions.demand.series import MONDAY, noisy, tables
from olist_assets_tests.rows import store

CONFIG = EvaluationRule(resamples=50)
DAYS = 56 + 6 * 28


class Mlflow:
    """Keeps what a run logs."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.plots: list[str] = []

    @contextmanager
    def evaluation(self, *_: object) -> Iterator["Mlflow"]:
        yield self

    def log_metrics(self, values: dict[str, float]) -> None:
        self.metrics |= values

    def log_plots(self, plots: dict[str, Any]) -> None:
        self.plots += plots


def test_the_scores_are_rows_of_the_table_and_the_whole_ones_metrics_of_a_run():
    mlflow: Any = Mlflow()
    found = gold_forecast_evaluation(mlflow, CONFIG, **tables(noisy(DAYS)))
    assert tuple(found.column_names) == GOLD_FORECAST_EVALUATION.column_names
    rows = found.to_pylist()
    key = GOLD_FORECAST_EVALUATION.key
    assert len({tuple(row[name] for name in key) for row in rows}) == len(rows)
    assert {row["model"] for row in rows if row["is_champion"]} == {"level_weekday"}
    whole = [row for row in rows if row["origins"] == 6 and row["horizon"] == 28]
    assert {row["origin"] for row in whole} == {MONDAY + timedelta(days=DAYS - 29)}
    assert mlflow.metrics == {f"{row['level']}/{row['model']}/{row['metric']}": row["value"] for row in whole}
    assert mlflow.plots == ["error_by_origin", "forecast_of_total"]


@pytest.mark.parametrize("days", [0, 20, 60])
def test_a_short_history_has_no_rows(days: int):
    mlflow: Any = Mlflow()
    found = gold_forecast_evaluation(mlflow, CONFIG, **tables(noisy(days)))
    assert (found.num_rows, mlflow.metrics) == (0, {})


def score(metric: str, value: float, **other: Any) -> dict[str, Any]:
    return {
        "level": "category", "model": "level_weekday", "origins": 8, "horizon": 28, "metric": metric, "value": value,
        "is_champion": True, **other,
    }  # fmt: skip


GOOD = [
    score("wape_day_minus_seasonal_naive", -0.1),
    score("coverage80_sum", 0.84),
    # These are not judged: no champion, one origin, a part of the horizon, the total, products.
    score("wape_day_minus_seasonal_naive", 0.1, model="mean_28", is_champion=False),
    score("wape_sum_minus_seasonal_naive", 0.1, origins=1),
    score("wape_sum_minus_seasonal_naive", 0.1, horizon=7),
    score("coverage80_sum", 1.0, level="total"),
    score("wape_day", 1.0, level="product_share", model="zero", is_champion=False),
]
FAULTS = {
    "champion_is_not_worse_than_seasonal_naive": score("wape_sum_minus_seasonal_naive", 0.001),
    "each_level_has_one_champion": score("wape_day", 0.4, model="mean_28"),
    "coverage_of_sums_is_near_nominal": score("coverage95_sum", 0.85),
    "level_is_accepted": score("wape_day", 0.4, level="product_share", model="level_weekday") | {"level": "city"},
    "model_is_accepted": score("wape_day", 0.4, model="oracle", is_champion=False),
    "horizon_is_in_range": score("wape_day", 0.4, horizon=0),
    "origins_is_in_range": score("wape_day", 0.4, origins=0),
    "level_model_origin_origins_horizon_metric_are_unique": GOOD[0],
}
BLOCKING = {"champion_is_not_worse_than_seasonal_naive", "each_level_has_one_champion"}


def test_all_checks_pass_on_valid_rows_and_on_none(warehouse):
    for rows in (GOOD, []):
        store(warehouse, GOLD_FORECAST_EVALUATION, *rows)
        results = verdicts(warehouse, GOLD_FORECAST_EVALUATION)
        assert [name for name, result in results.items() if not result.passed] == []
        assert set(FAULTS) <= set(results)


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_fails_on_its_fault(warehouse, check: str):
    store(warehouse, GOLD_FORECAST_EVALUATION, *GOOD, FAULTS[check])
    assert not verdict(warehouse, GOLD_FORECAST_EVALUATION, check).passed


def test_a_champion_that_loses_blocks_what_is_downstream():
    assert {rule.name for rule in GOLD_FORECAST_EVALUATION.rules if rule.blocking} == BLOCKING
