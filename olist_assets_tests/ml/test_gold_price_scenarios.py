"""Scenarios: what is refused and why, how the others are ranked, what an assumed cost changes, and each check."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from olist_assets.ml.gold_price_elasticities import GOLD_PRICE_ELASTICITIES
from olist_assets.ml.gold_price_panel import GOLD_PRICE_PANEL
from olist_assets.ml.gold_price_scenarios import (
    FEW_SALES,
    GOLD_PRICE_SCENARIOS,
    NO_ELASTICITY,
    NO_GAIN,
    NO_STEP,
    OUTSIDE,
    STEPS,
    ScenarioConfig,
    gold_price_scenarios,
)
from olist_assets.silver.silver_products import SILVER_PRODUCTS
from olist_assets_tests.checks.verdicts import verdicts
from olist_assets_tests.rows import arrow_rows, store

WEEKS = 20
CATEGORY = {"scope": "category", "name": "toys", "shrunk": -2.0, "shrunk_standard_error": 0.5}
GAINS = {"scope": "out_of_sample", "name": "all", "low": -0.04, "high": -0.01}


def offer(product: str, prices: list[int], units: int) -> list[dict]:
    """The weeks of an offer that sells the same number in each; its prices are repeated."""
    return [
        {
            "product_id": product,
            "seller_id": "s",
            "week": date(2018, 1, 1) + timedelta(weeks=week),
            "units": units,
            "price": Decimal(prices[week % len(prices)]),
        }
        for week in range(WEEKS)
    ]


def scenarios(*offers: list[dict], gains: dict = GAINS, category: dict = CATEGORY, **config: Any) -> list[dict]:
    table = gold_price_scenarios(
        ScenarioConfig(**config),
        arrow_rows(GOLD_PRICE_PANEL, *(row for rows in offers for row in rows)),
        arrow_rows(GOLD_PRICE_ELASTICITIES, gains, category),
        arrow_rows(
            SILVER_PRODUCTS,
            *({"product_id": rows[0]["product_id"], "product_category_name_english": "toys"} for rows in offers),
        ),
    )
    assert tuple(table.column_names) == GOLD_PRICE_SCENARIOS.column_names
    return table.to_pylist()


WIDE = offer("wide", [80, 120, 100, 100], 3)


def test_each_offer_has_all_steps_and_only_those_within_its_past_prices_are_allowed():
    rows = scenarios(WIDE, offer("narrow", [98, 104, 100, 100], 3))
    assert [(r["product_id"], r["step"]) for r in rows] == [(p, s) for p in ("narrow", "wide") for s in STEPS]
    assert {r["refused_because"] for r in rows if r["product_id"] == "narrow"} == {OUTSIDE}
    assert all(r["is_allowed"] for r in rows if r["product_id"] == "wide")


def test_an_elastic_offer_gains_by_a_lower_price_and_the_largest_gain_is_first():
    rows = {r["step"]: r for r in scenarios(WIDE)}
    cut, rise = rows[-15], rows[15]
    assert cut["revenue_change"] == pytest.approx(1 / 0.85 - 1)
    assert cut["low"] < cut["revenue_change"] < cut["high"]
    assert cut["p_gain"] == pytest.approx(0.97725, abs=1e-4)
    assert cut["p_gain"] + rise["p_gain"] == pytest.approx(1)
    assert cut["expected_gain"] == pytest.approx(300 * (1 / 0.85 - 1))
    assert cut["new_price"] == Decimal("85.00")
    assert [rows[step]["rank"] for step in STEPS] == [1, 2, 3, 4, 5, 6]
    assert cut["weeks_to_test"] < rows[-5]["weeks_to_test"]
    assert cut["offers_to_test"] == -(-cut["weeks_to_test"] // 8)


def test_a_cost_turns_a_cut_into_a_loss_and_is_shown():
    rows = {r["step"]: r for r in scenarios(WIDE, unit_cost_share=0.7)}
    assert rows[-15]["expected_gain"] < 0 < rows[15]["expected_gain"]
    assert rows[-15]["revenue_change"] > 0
    assert {r["unit_cost_share"] for r in rows.values()} == {0.7}
    assert {r["unit_cost_share"] for r in scenarios(WIDE)} == {None}


def test_offers_that_sell_rarely_are_refused_and_those_that_stopped_are_not_listed():
    rare = [
        row | {"units": row["units"] if n % 4 == 3 else 0}
        for n, row in enumerate(offer("rare", [80, 120, 100, 100], 1))
    ]
    stopped = offer("stopped", [80, 120], 9)[:5]
    rows = scenarios(WIDE, rare, stopped)
    assert {r["refused_because"] for r in rows if r["product_id"] == "rare"} == {FEW_SALES}
    assert "stopped" not in {r["product_id"] for r in rows}
    assert all(r["is_allowed"] for r in scenarios(WIDE, rare, min_recent_units=1))


def test_a_step_that_changes_no_price_is_refused():
    assert {r["refused_because"] for r in scenarios(offer("free", [0], 3))} == {NO_STEP}


@pytest.mark.parametrize("gains", [GAINS | {"high": 0.001}, GAINS | {"name": "2018-08"}, GAINS | {"high": None}])
def test_all_are_withheld_without_a_gain_out_of_sample(gains):
    rows = scenarios(WIDE, gains=gains)
    assert {r["refused_because"] for r in rows} == {NO_GAIN}
    for name in ("rank", "revenue_change", "low", "high", "p_gain", "expected_gain", "weeks_to_test"):
        assert {r[name] for r in rows} == {None}


def test_a_category_without_an_elasticity_has_no_allowed_scenario():
    rows = scenarios(WIDE, category=CATEGORY | {"shrunk": None, "shrunk_standard_error": None})
    assert {r["refused_because"] for r in rows} == {NO_ELASTICITY}


def test_an_elasticity_of_minus_one_has_no_change_to_see():
    rows = scenarios(WIDE, category=CATEGORY | {"shrunk": -1.0})
    assert {r["weeks_to_test"] for r in rows} == {None}


def test_no_offers_are_no_scenarios():
    table = gold_price_scenarios(
        ScenarioConfig(),
        arrow_rows(GOLD_PRICE_PANEL),
        arrow_rows(GOLD_PRICE_ELASTICITIES),
        arrow_rows(SILVER_PRODUCTS),
    )
    assert isinstance(table, pa.Table)
    assert table.num_rows == 0


def failed(warehouse, rows: list[dict], gains: dict = GAINS) -> set[str]:
    store(warehouse, GOLD_PRICE_ELASTICITIES, gains, CATEGORY)
    store(warehouse, GOLD_PRICE_SCENARIOS, *rows)
    return {name for name, result in verdicts(warehouse, GOLD_PRICE_SCENARIOS).items() if not result.passed}


def test_checks_pass_on_the_scenarios_themselves(warehouse):
    assert failed(warehouse, scenarios(WIDE)) == set()


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("allowed_scenarios_have_an_interval", {"low": None}),
        ("allowed_scenarios_have_an_interval", {"high": 0.0}),
        ("allowed_scenarios_have_an_interval", {"rank": None}),
        ("allowed_prices_were_seen_before", {"new_price": Decimal("79.00")}),
        ("refused_scenarios_have_a_reason", {"refused_because": OUTSIDE}),
        ("refused_scenarios_have_a_reason", {"is_allowed": False, "refused_because": OUTSIDE}),
        ("refused_because_is_accepted", {"is_allowed": False, "refused_because": "no", "revenue_change": None}),
        ("step_is_in_range", {"step": -80}),
        ("product_id_seller_id_step_are_unique", {"step": 15}),
        ("p_gain_is_in_range", {"p_gain": 1.5}),
        ("rank_is_in_range", {"rank": 0}),
        ("price_is_in_range", {"price": Decimal(-1)}),
        ("new_price_is_in_range", {"new_price": Decimal(-1)}),
        ("lowest_price_is_in_range", {"lowest_price": -1.0}),
        ("highest_price_is_in_range", {"highest_price": -1.0}),
        ("recent_units_is_in_range", {"recent_units": 0}),
        ("revenue_change_is_in_range", {"revenue_change": -2.0}),
        ("low_is_in_range", {"low": -2.0}),
        ("high_is_in_range", {"high": -2.0}),
        ("weeks_to_test_is_in_range", {"weeks_to_test": 0}),
        ("offers_to_test_is_in_range", {"offers_to_test": 0}),
        ("unit_cost_share_is_in_range", {"unit_cost_share": 2.0}),
    ],
)
def test_each_check_fails_on_its_fault(warehouse, check, change):
    first, *others = scenarios(WIDE)
    assert check in failed(warehouse, [first | change, *others])


def test_allowed_scenarios_without_a_gain_fail_a_blocking_check(warehouse):
    assert failed(warehouse, scenarios(WIDE), GAINS | {"high": 0.02}) == {"scenarios_are_withheld_without_a_gain"}
    result = verdicts(warehouse, GOLD_PRICE_SCENARIOS)["scenarios_are_withheld_without_a_gain"]
    assert result.severity.name == "ERROR"
