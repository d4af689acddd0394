"""Elasticities as a table: the rows of a market, those of too short a history, the MLflow run, and each check."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from olist_assets.decisions.price_tests import analysis
from olist_assets.ml.gold_price_elasticities import (
    GOLD_PRICE_ELASTICITIES,
    ElasticityConfig,
    gold_price_elasticities,
)
from olist_assets.ml.gold_price_panel import GOLD_PRICE_PANEL
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets_tests.checks.verdicts import verdicts
from olist_assets_tests.decisions.price_tests.markets import market
from olist_assets_tests.rows import arrow_rows, store

CATEGORIES = ("baby", "toys", "watches_gifts")


@dataclass
class Logged:
    """An MLflow that keeps what a run logs."""

    metrics: dict[str, float] = field(default_factory=dict)
    plots: list[str] = field(default_factory=list)

    @contextmanager
    def evaluation(self, *_: Any) -> Iterator["Logged"]:
        yield self

    def log_metrics(self, values: Mapping[str, float]) -> None:
        self.metrics |= values

    def log_plots(self, plots: Mapping[str, Any]) -> None:
        self.plots += plots


def panel_of_market(seed: int, **options: Any) -> tuple[pa.Table, pa.Table]:
    """The panel and the products of a market."""
    weeks = market(seed, **options)
    first = np.isnan(weeks.log_price)
    price = [
        None if is_first else Decimal(f"{100 * np.exp(p):.2f}")
        for is_first, p in zip(first, weeks.log_price, strict=True)
    ]
    rows = [
        {
            "product_id": f"p{weeks.offer[n]:03d}",
            "seller_id": "s",
            "week": date(2018, 1, 1) + timedelta(weeks=int(weeks.week[n])),
            "units": int(weeks.units[n]),
            "price": price[n + 1] if n + 1 < len(price) and price[n + 1] else price[n] or Decimal(100),
            "price_before": price[n],
        }
        for n in range(len(price))
    ]
    products = [
        {"product_id": f"p{number:03d}", "product_category_name_english": CATEGORIES[category]}
        for number, category in dict(zip(weeks.offer.tolist(), weeks.category.tolist(), strict=True)).items()
    ]
    return arrow_rows(GOLD_PRICE_PANEL, *rows), arrow_rows(SILVER_PRODUCTS, *products)


def rows_of(panel: pa.Table, products: pa.Table, **config: Any) -> tuple[dict[tuple[str, str], dict], Logged]:
    logged = Logged()
    options = ElasticityConfig(**{"min_offers": 20, "permutations": 3, "draws": 100} | config)
    table = gold_price_elasticities(logged, options, panel, products)  # pyright: ignore[reportArgumentType]
    assert tuple(table.column_names) == GOLD_PRICE_ELASTICITIES.column_names
    return {(row["scope"], row["name"]): row for row in table.to_pylist()}, logged


def test_a_market_has_its_elasticity_in_all_and_in_each_category_with_placebos_and_an_evaluation():
    rows, logged = rows_of(*panel_of_market(1))
    pooled = rows["pooled", "all"]
    assert pooled["low"] < -2 < pooled["high"]
    assert pooled["placebo_lead"] == rows["placebo", "price_4_weeks_ahead"]["estimate"]
    assert pooled["placebo_lag"] == rows["placebo", "price_4_weeks_ago"]["estimate"]
    for category in CATEGORIES:
        row = rows["category", category]
        assert (
            min(row["estimate"], pooled["estimate"]) - 0.2
            < row["shrunk"]
            < max(row["estimate"], pooled["estimate"]) + 0.2
        )
        assert row["shrunk_standard_error"] < row["standard_error"]
    assert rows["offer", "all"]["estimate"] is None
    assert rows["offer", "all"]["standard_error"] > 5 * pooled["standard_error"]
    assert rows["out_of_sample", "all"]["high"] < 0
    months = ("2018-02", "2018-03", "2018-04", "2018-05")
    assert {name for scope, name in rows if scope == "deviance_with_price"} >= {*months, "last_two_months", "all"}
    assert logged.metrics["elasticity_all"] == pooled["estimate"]
    assert logged.plots == ["forest"]


def test_a_category_with_few_offers_has_the_mean_of_the_others_and_no_estimate_of_its_own():
    rows, _ = rows_of(*panel_of_market(1), min_offers=1000)
    assert rows["category", "toys"]["estimate"] is None
    assert rows["category", "toys"]["shrunk"] is None


@pytest.mark.parametrize(("weeks", "last"), [(21, "2018-04"), (22, "2018-05"), (23, "2018-05")])
def test_a_month_that_has_not_all_of_its_weeks_is_not_predicted(weeks, last):
    # The 22nd week is the last one that starts in May: the market sells in all of them.
    rows, _ = rows_of(*panel_of_market(1, weeks=weeks))
    assert max(name for scope, name in rows if scope == "out_of_sample" and name.startswith("2018")) == last


def test_runs_give_the_same_table_to_the_last_bit():
    panel, products = panel_of_market(2)
    first, second = (rows_of(panel, products)[0] for _ in range(2))
    assert repr(first) == repr(second)


def test_an_empty_panel_is_an_empty_table_and_its_run_has_no_plot():
    rows, logged = rows_of(arrow_rows(GOLD_PRICE_PANEL), arrow_rows(SILVER_PRODUCTS))
    assert rows == {}
    assert logged.plots == []


@pytest.mark.parametrize("offers", [1, 2, 5])
def test_a_few_offers_in_a_few_weeks_break_nothing(offers):
    for seed in range(4):
        rows_of(*panel_of_market(seed, offers=offers, weeks=6, categories=1))


def test_a_product_without_a_row_is_of_an_unknown_category():
    panel, products = panel_of_market(1)
    rows, _ = rows_of(panel, products.slice(0, 0))
    assert [name for scope, name in rows if scope == "category"] == ["unknown"]


VALID = (
    {"scope": "pooled", "name": "all", "estimate": -2.0, "low": -3.0, "high": -1.0},
    {"scope": "out_of_sample", "name": "all", "estimate": -0.1, "low": -0.2, "high": -0.05},
    {"scope": "placebo", "name": analysis.AHEAD, "estimate": 0.1, "low": -0.5, "high": 0.7},
    {"scope": "placebo", "name": analysis.PERMUTED, "estimate": 0.1, "low": -0.5, "high": 0.7},
)


def failed(warehouse, *rows: dict) -> dict[str, bool]:
    """The checks that fail on rows, and whether they block what is downstream."""
    store(warehouse, GOLD_PRICE_ELASTICITIES, *rows)
    found = verdicts(warehouse, GOLD_PRICE_ELASTICITIES)
    return {name: result.severity.name == "ERROR" for name, result in found.items() if not result.passed}


def test_checks_pass_on_valid_rows_and_on_none(warehouse):
    assert failed(warehouse, *VALID) == {}


@pytest.mark.parametrize(
    ("check", "blocks", "at", "change"),
    [
        ("placebo_lead_covers_zero", False, 2, {"low": 0.01}),
        ("permuted_prices_have_no_effect", False, 3, {"low": -0.9, "estimate": -0.5, "high": -0.1}),
        ("price_improves_predictions", False, 1, {"high": 0.01}),
        ("price_improves_predictions", False, 1, {"name": "2018-08"}),
        ("estimates_lie_within_their_intervals", True, 0, {"low": -1.5}),
        ("estimates_lie_within_their_intervals", True, 0, {"high": None}),
        ("scope_is_accepted", True, 0, {"scope": "all"}),
        ("scope_and_name_are_unique", True, 3, {"name": analysis.AHEAD}),
        ("standard_error_is_in_range", False, 0, {"standard_error": -1.0}),
        ("shrunk_standard_error_is_in_range", False, 0, {"shrunk_standard_error": -1.0}),
        ("offers_is_in_range", False, 0, {"offers": -1}),
        ("units_is_in_range", False, 0, {"units": -1}),
    ],
)
def test_each_check_fails_on_its_fault_alone(warehouse, check, blocks, at, change):
    rows = [row | change if n == at else row for n, row in enumerate(VALID)]
    assert failed(warehouse, *rows) == {check: blocks}
