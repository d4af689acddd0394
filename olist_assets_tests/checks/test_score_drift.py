"""Scores compared with the version before, and the rules of the table that holds them."""

import math
from typing import Any

import dagster as dg
import pytest

from olist_assets.ml.gold_customer_churn_predictions import GOLD_CUSTOMER_CHURN_PREDICTIONS as PREDICTIONS
from olist_assets_tests.checks.verdicts import metrics, verdict
from olist_assets_tests.rows import store

STABLE = "churn_probability_is_stable"
EVEN = [number / 100 for number in range(100)]


def scored(*probabilities: float) -> list[dict[str, Any]]:
    """Rows of gold_customer_churn_predictions as its function would write them, the highest probability first."""
    last = max(len(probabilities) - 1, 1)
    return [
        {
            "customer_unique_id": f"c{rank:03}",
            "churn_probability": probability,
            "no_repurchase_probability": probability,
            "churn_percentile": rank / last,
            "churn_risk_category": category(rank / last),
        }
        for rank, probability in enumerate(sorted(probabilities, reverse=True))
    ]


def category(percentile: float) -> str:
    return "High Risk" if percentile <= 0.2 else "Medium Risk" if percentile <= 0.5 else "Low Risk"


@pytest.mark.parametrize(
    ("new", "stable"), [(EVEN, True), (EVEN[3:], True), ([p / 3 for p in EVEN], False), ([0.5] * 100, False)]
)
def test_scores_that_shifted_since_the_version_before_warn(warehouse, new, stable):
    store(warehouse, PREDICTIONS, *scored(*EVEN))
    first = verdict(warehouse, PREDICTIONS, STABLE)
    assert (first.passed, metrics(first)) == (True, {"compared_with_version": "none: this is the first"})
    store(warehouse, PREDICTIONS, *scored(*new))
    result = verdict(warehouse, PREDICTIONS, STABLE)
    assert (result.passed, result.severity) == (stable, dg.AssetCheckSeverity.WARN)
    found = metrics(result)
    assert (found["psi"] < 0.25, found["max_psi"], found["compared_with_version"]) == (stable, 0.25, 1)


def test_the_population_stability_index_follows_its_formula(warehouse):
    store(warehouse, PREDICTIONS, *scored(*EVEN))
    # Of the first decile, 0.00 to 0.09, half moved to the last: 5 and 15 of 100 instead of 10 and 10.
    moved = [p if p >= 0.05 else 0.99 for p in EVEN]
    store(warehouse, PREDICTIONS, *scored(*moved))
    result = verdict(warehouse, PREDICTIONS, STABLE)
    assert metrics(result)["psi"] == pytest.approx(-0.05 * math.log(0.5) + 0.05 * math.log(1.5))


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ({"churn_percentile": 0.5}, "churn_percentile_covers_0_to_1"),
        ({"churn_risk_category": "Low Risk"}, "risk_shares_are_20_30_50"),
        ({"churn_probability": 1.5}, "churn_probability_is_in_range"),
    ],
)
def test_predictions_that_break_a_rule_fail_its_check(warehouse, fault, check):
    rows = scored(*EVEN)
    store(warehouse, PREDICTIONS, *rows)
    assert verdict(warehouse, PREDICTIONS, check).passed
    store(warehouse, PREDICTIONS, *(row | fault for row in rows[:3]), *rows[3:])
    result = verdict(warehouse, PREDICTIONS, check)
    assert not result.passed
    assert metrics(result)["offending_rows"] > 0
