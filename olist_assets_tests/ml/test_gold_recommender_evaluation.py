"""The evaluation of recommendations as a table: rows, intervals, what is logged, and each of its checks failing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, cast

import pytest

from olist_assets.decisions.recommendations import evaluation as e
from olist_assets.ml import gold_recommender_evaluation as module
from olist_assets.ml.gold_recommender_evaluation import GOLD_RECOMMENDER_EVALUATION as TABLE
from olist_assets_tests.checks.verdicts import verdict, verdicts
from olist_assets_tests.ml.market import Order, arrow_tables, pairs
from olist_assets_tests.rows import store

MONTHS = [date(2018, 5, 1), date(2018, 6, 1), date(2018, 7, 1)]
END = Order(date(2018, 8, 3), ("left-0",))


class Logged:
    """An MLflow run that keeps what is logged."""

    def __init__(self) -> None:
        self.metrics, self.plots = {}, {}

    @contextmanager
    def evaluation(self, table, config) -> Iterator["Logged"]:
        assert table is TABLE
        self.config = config
        yield self

    def log_params(self, values) -> None:
        self.params = values

    def log_metrics(self, values, variant) -> None:
        self.metrics |= {(variant, name): value for name, value in values.items()}

    def log_plots(self, plots) -> None:
        self.plots |= plots


def evaluated(orders, **config):
    logged = Logged()
    tables = arrow_tables(orders)
    rows = module.gold_recommender_evaluation(cast(Any, logged), module.RecommenderEvaluationConfig(**config), **tables)
    return rows, logged


def test_pairs_that_repeat_are_found_and_popular_products_are_not():
    rows, logged = evaluated([*pairs(MONTHS), END])
    found = {(row["model"], row["month"], row["metric"]): row for row in rows.to_pylist()}
    assert {month for _, month, _ in found} == {"2018-06", "2018-07", e.TOGETHER_NAME}
    ours = found[e.BOUGHT_TOGETHER, e.TOGETHER_NAME, e.HIT]
    assert (ours["value"], ours["low"], ours["high"], ours["queries"]) == (1, 1, 1, 120)
    assert found[e.CATEGORY_POPULARITY, "2018-07", e.HIT]["value"] == 0
    assert found[module.LISTS_GAIN, "2018-07", e.HIT]["queries"] == 60
    assert found[e.NEXT_CATEGORY, "2018-07", e.KNOWN]["value"] == 1
    # `left` is the most popular category, and everybody buys from it.
    assert found[module.CATEGORIES_GAIN, "2018-07", e.CATEGORY_MRR]["value"] == 0
    assert logged.metrics[e.BOUGHT_TOGETHER, e.HIT] == 1
    assert set(logged.plots) == {"hit_at_10", "mrr"}
    assert logged.params["sold_within_days"] == 90
    for row in rows.to_pylist():
        assert row["low"] <= row["value"] <= row["high"], row


def test_the_same_seed_gives_the_same_rows_and_the_months_are_configured():
    orders = [*pairs(MONTHS, 30), *pairs(MONTHS[1:], 40), END]
    rows, _ = evaluated(orders)
    assert rows.equals(evaluated(orders)[0])
    assert not rows.equals(evaluated(orders, seed=1)[0])
    assert set(evaluated(orders, months=2)[0]["month"].to_pylist()) == {"2018-06", "2018-07", e.TOGETHER_NAME}


@pytest.mark.parametrize("orders", [[], pairs(MONTHS[:1])], ids=["no order", "one month"])
def test_a_history_that_is_too_short_measures_nothing(orders):
    rows, logged = evaluated(orders)
    assert (rows.num_rows, logged.metrics) == (0, {})


VALID = {"model": e.BOUGHT_TOGETHER, "month": "2018-07", "metric": e.HIT, "value": 0.2, "low": 0.1, "high": 0.3}
LISTS = VALID | {"model": module.LISTS_GAIN, "month": e.TOGETHER_NAME, "queries": 100}
CATEGORIES = LISTS | {"model": module.CATEGORIES_GAIN, "metric": e.CATEGORY_MRR}
COLD = VALID | {"metric": e.COLD, "value": 0.75, "low": 0.72, "high": 0.8, "queries": 100}
FAULTS = {
    "values_are_in_their_intervals": [VALID | {"low": 0.21}],
    "product_lists_are_above_popularity_in_the_category": [LISTS | {"low": 0.0}],
    "next_categories_are_above_popular_categories": [CATEGORIES | {"low": -0.1}],
    "cold_share_is_usual": [COLD],
    "model_is_accepted": [VALID | {"model": "oracle"}],
    "metric_is_accepted": [VALID | {"metric": "luck"}],
    "value_is_in_range": [VALID | {"value": 1.5, "high": 1.5}, VALID | {"metric": e.MRR}],
    "model_month_metric_are_unique": [VALID, VALID],
}


def test_all_checks_pass_on_valid_rows_and_on_none(warehouse):
    for rows in ([VALID, LISTS, CATEGORIES, COLD | {"low": 0.6}], []):
        store(warehouse, TABLE, *rows)
        assert {name for name, result in verdicts(warehouse, TABLE).items() if not result.passed} == set()


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_fails_on_its_fault(warehouse, check):
    store(warehouse, TABLE, *FAULTS[check])
    also = {"high_is_in_range"} if check == "value_is_in_range" else set()
    assert {name for name, result in verdicts(warehouse, TABLE).items() if not result.passed} - also == {check}


@pytest.mark.parametrize("row", [LISTS, CATEGORIES], ids=["lists", "categories"])
def test_too_few_units_say_nothing_against_a_rule(warehouse, row):
    store(warehouse, TABLE, row | {"low": -0.1, "queries": 99})
    assert all(result.passed for result in verdicts(warehouse, TABLE).values())


def test_a_rule_below_its_baseline_warns_and_stops_nothing(warehouse):
    store(warehouse, TABLE, LISTS | {"low": 0.0})
    result = verdict(warehouse, TABLE, "product_lists_are_above_popularity_in_the_category")
    assert (result.passed, result.severity.value) == (False, "WARN")
