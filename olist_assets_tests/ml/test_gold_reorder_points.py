"""Reorder points as a table: its rows by lead time and service level, and each of its rules broken once."""

from typing import Any

import pytest
from pydantic import ValidationError

from olist_assets.decisions.demand.rule import ReorderRule
from olist_assets.ml.gold_forecast_evaluation import GOLD_FORECAST_EVALUATION
from olist_assets.ml.gold_reorder_points import GOLD_REORDER_POINTS, gold_reorder_points
from olist_assets_tests.checks.verdicts import verdict, verdicts
from olist_assets_tests.decisions.demand.series import noisy, tables
from olist_assets_tests.rows import arrow_rows, store


def reorder_points(days: int, **config: Any) -> list[dict[str, Any]]:
    evaluation = arrow_rows(GOLD_FORECAST_EVALUATION)
    found = gold_reorder_points(ReorderRule(**config), evaluation, **tables(noisy(days)))
    assert found.schema.names == list(GOLD_REORDER_POINTS.column_names)
    return found.to_pylist()


def test_each_recent_series_has_a_row_per_lead_time_and_service_level():
    rows = reorder_points(200, lead_days=[3, 10], service_levels=[0.8, 0.97])
    assert {(row["lead_days"], row["service_level"]) for row in rows} == {(3, 0.8), (3, 0.97), (10, 0.8), (10, 0.97)}
    assert [row["name"] for row in rows if row["level"] == "state" and row["lead_days"] == 3] == ["RJ", "SP"] * 2
    for row in rows:
        if row["reorder_point"] is not None:
            assert row["mean_demand"] + row["safety_stock"] == pytest.approx(row["reorder_point"])
    # One series has 21 residuals of a lead time of three days, too few for 97 %.
    total = {row["service_level"]: row for row in rows if row["level"] == "total" and row["lead_days"] == 3}
    assert total[0.8]["safety_stock"] is not None
    assert (total[0.97]["safety_stock"], total[0.97]["reorder_point"]) == (None, None)


@pytest.mark.parametrize(
    "wrong", [{"lead_days": [7, 0]}, {"lead_days": [61]}, {"service_levels": [1.0]}, {"service_levels": [0.4, 0.9]}]
)
def test_a_lead_time_or_service_level_out_of_range_is_refused(wrong):
    with pytest.raises(ValidationError):
        ReorderRule(**wrong)


def test_a_lead_time_that_is_given_twice_is_one():
    rows = reorder_points(100, lead_days=[7, 3, 7], service_levels=[0.8])
    assert [row["lead_days"] for row in rows if row["level"] == "total"] == [3, 7]


def test_a_short_history_has_no_rows():
    assert reorder_points(40) == reorder_points(0) == []


def row(**other: Any) -> dict[str, Any]:
    return {
        "level": "category", "name": "toys", "lead_days": 7, "service_level": 0.9, "mean_demand": 10.0,
        "safety_stock": 5.0, "reorder_point": 15.0, **other,
    }  # fmt: skip


GOOD = [row(), row(service_level=0.95, safety_stock=8.0, reorder_point=18.0)]
FAULTS = {
    "reorder_point_is_mean_plus_safety_stock": row(name="art", safety_stock=4.0),
    "reorder_point_grows_with_the_service_level": row(service_level=0.98, safety_stock=7.0, reorder_point=17.0),
    "lead_days_is_in_range": row(lead_days=61),
    "service_level_is_in_range": row(service_level=0.4),
    "mean_demand_is_in_range": row(name="art", mean_demand=-1.0),
    "reorder_point_is_in_range": row(name="art", reorder_point=-1.0),
    "level_is_accepted": row(level="product_share"),
    "level_name_lead_days_service_level_are_unique": GOOD[0],
}


def test_all_checks_pass_on_valid_rows_and_on_none(warehouse):
    for rows in (GOOD, []):
        store(warehouse, GOLD_REORDER_POINTS, *rows)
        results = verdicts(warehouse, GOLD_REORDER_POINTS)
        assert [name for name, result in results.items() if not result.passed] == []
        assert set(FAULTS) <= set(results)


@pytest.mark.parametrize("check", FAULTS)
def test_each_check_fails_on_its_fault(warehouse, check: str):
    store(warehouse, GOLD_REORDER_POINTS, *GOOD, FAULTS[check])
    assert not verdict(warehouse, GOLD_REORDER_POINTS, check).passed
