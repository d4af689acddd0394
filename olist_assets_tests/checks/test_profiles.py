"""Profiles of days: ordinary days pass, each kind of change warns, and a warning names the segment behind it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pytest

from olist_assets.checks.profiles import Daily, judged, measured
from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import KnownDays, Metric, Profile, Segment, Threshold, Thresholds
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.checks import verdicts
from olist_assets_tests.rows import store

FIRST, LAST = date(2018, 1, 1), date(2018, 4, 30)
FLOOR = Threshold(0.01, "A reason.")
PROFILE = Profile(
    day="day",
    metrics=(
        Metric("rows", "id", Threshold(0.08, "Rows.")),
        Metric("mean", "amount", FLOOR),
        Metric("share", "amount", FLOOR, "amount IS NULL"),
    ),
    segments=(Segment("state"),),
)
# Of ten rows of a day; PA and BA have one each.
STATES = ("SP", "SP", "SP", "SP", "SP", "SP", "RJ", "RJ", "PA", "BA")
Row = dict[str, Any]
Change = Callable[[Row], Row | None]


def sales(profile: Profile) -> Table:
    return Table(
        name="silver_sales",
        grain="One row per sale.",
        key=("id",),
        columns=(
            Column("id", "int", "Number of the sale."),
            Column("day", "date", "Day of the sale."),
            Column("state", "string", "State of the customer."),
            Column("amount", "double", "Amount.", nullable=True),
        ),
        thresholds=Thresholds(profiles=(profile,)),
    )


def rows(change: Change = lambda row: row, per_day: int = 40) -> list[Row]:
    """Sales of four months, changed one by one; None removes a sale."""
    days = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
    found = [
        change({"id": n * per_day + m, "day": day, "state": STATES[m % 10], "amount": 100.0 + m % 7 + n % 3})
        for n, day in enumerate(days)
        for m in range(per_day)
    ]
    return [row for row in found if row]


def verdict(warehouse: Warehouse, name: str, given: list[Row], profile: Profile = PROFILE) -> tuple[bool, Row]:
    table = sales(profile)
    store(warehouse, table, *given)
    result = verdicts.verdict(warehouse, table, name)
    assert result.severity == dg.AssetCheckSeverity.WARN
    return result.passed, verdicts.metrics(result)


def no_amount_in_rj(row: Row) -> Row:
    return row | {"amount": None} if (row["day"], row["state"]) == (LAST, "RJ") else row


def no_ba_since(days: int) -> Change:
    return lambda row: None if row["state"] == "BA" and row["day"] > LAST - timedelta(days) else row


@pytest.mark.parametrize("name", ["profile_is_usual", "segments_are_not_silent"])
def test_ordinary_days_and_days_of_few_rows_pass(warehouse, name):
    assert verdict(warehouse, name, rows()) == (True, {"days_judged": 7, "unusual": []})
    assert verdict(warehouse, name, rows(per_day=10)) == (True, {"days_judged": 0, "unusual": []})
    assert verdict(warehouse, name, []) == (True, {"days_judged": 0, "unusual": []})


def test_a_changed_metric_warns_with_the_segment_that_explains_most_of_it(warehouse):
    passed, metrics = verdict(warehouse, "profile_is_usual", rows(no_amount_in_rj))
    assert not passed
    assert metrics["unusual"] == [
        {
            "column": "amount",
            "metric": "share",
            "day": "2018-04-30",
            "value": 0.2,
            "expected": 0.0,
            "explained_most_by": {"column": "state", "segment": "RJ", "part": 0.2, "change": 0.2},
        }
    ]
    assert metrics["chart"].startswith("/health?table=silver_")
    assert "monitoring_profiles WHERE" in metrics["history"]


def test_a_changed_mean_and_a_changed_count_are_explained_too(warehouse):
    def dearer(row: Row) -> Row:
        return row | {"amount": row["amount"] * (1 + 9 * (row["day"] == LAST and row["state"] == "PA"))}

    (found,) = verdict(warehouse, "profile_is_usual", rows(dearer))[1]["unusual"]
    assert (found["metric"], found["explained_most_by"]["segment"]) == ("mean", "PA")
    assert found["explained_most_by"]["part"] == pytest.approx(found["value"] - found["expected"], rel=0.05)
    given = rows(lambda row: None if row["day"] == LAST and row["state"] == "SP" else row, per_day=100)
    found = verdict(warehouse, "profile_is_usual", given)[1]["unusual"]
    counts = next(each for each in found if each["metric"] == "rows")
    assert counts["explained_most_by"] == {"column": "state", "segment": "SP", "part": -60.0, "change": -60.0}
    assert {each.get("segment") for each in found} == {None, "SP"}


def test_a_changed_median_is_explained_by_the_mean(warehouse):
    def dearer(row: Row) -> Row:
        return row | {"amount": row["amount"] * (1 + 9 * (row["day"] == LAST and row["state"] == "SP"))}

    median = replace(PROFILE, metrics=(Metric("median", "amount", FLOOR),))
    (found,) = verdict(warehouse, "profile_is_usual", rows(dearer), median)[1]["unusual"]
    assert (found["metric"], found["explained_most_by"]["segment"]) == ("median", "SP")


def test_a_metric_without_a_value_is_unusual(warehouse):
    given = rows(lambda row: row | {"amount": None} if row["day"] == LAST else row)
    found = verdict(warehouse, "profile_is_usual", given)[1]["unusual"]
    assert {each["metric"]: each["value"] for each in found} == {"mean": None, "share": 1.0}


@pytest.mark.parametrize(("days", "passes"), [(2, True), (3, False)])
def test_a_segment_is_silent_after_ten_expected_rows(warehouse, days, passes):
    passed, metrics = verdict(warehouse, "segments_are_not_silent", rows(no_ba_since(days)))
    assert passed == passes
    assert [(found["segment"], found["day"], found["value"]) for found in metrics["unusual"]] == (
        [] if passes else [("BA", "2018-04-30", pytest.approx(10.6, abs=0.1))]
    )


def test_known_days_and_days_older_than_a_week_do_not_warn(warehouse):
    known = replace(PROFILE, known=(KnownDays(LAST, LAST, "A test."),))
    assert verdict(warehouse, "profile_is_usual", rows(no_amount_in_rj), known)[0]
    of_others = replace(PROFILE, known=(KnownDays(LAST, LAST, "A test.", ("state",)),))
    assert not verdict(warehouse, "profile_is_usual", rows(no_amount_in_rj), of_others)[0]
    early = rows(lambda row: row | {"amount": None} if row["day"] == LAST - timedelta(7) else row)
    assert verdict(warehouse, "profile_is_usual", early)[0]


def days_of(metrics: np.ndarray) -> Daily:
    return Daily(FIRST, np.full(len(metrics), 100.0), metrics[:, None].astype(float), {})


def test_the_newest_days_are_judged_when_they_are_settled_and_the_first_ones_never():
    share = replace(PROFILE, metrics=PROFILE.metrics[2:], segments=(), settling_days=Threshold(5, ""))
    (found,) = judged(days_of(np.zeros(80)), share, Threshold(5, ""))
    assert np.flatnonzero(found.is_judged).tolist() == list(range(49, 75))


@pytest.mark.parametrize(("rows_of_day", "is_unusual"), [(100, True), (20, False)])
def test_chance_is_larger_on_a_day_of_few_rows(rows_of_day, is_unusual):
    values = np.full(70, 0.3)
    values[-1] = 0.6
    share = replace(PROFILE, metrics=PROFILE.metrics[2:], segments=())
    daily = replace(days_of(values), rows=np.array([100.0] * 69 + [rows_of_day]))
    (found,) = judged(daily, share, Threshold(5, ""))
    assert found.is_unusual[-1] == is_unusual


def test_each_statistic_is_that_of_the_rows():
    statistics = ("share", "mean", "median", "p90", "distinct_share", "top_share")
    values = {"share": "amount > 2"}
    metrics = tuple(Metric(name, "amount", FLOOR, values.get(name, "")) for name in statistics)
    with duckdb.connect() as sql:
        sql.execute("CREATE TABLE sales AS SELECT DATE '2018-01-01' AS day, unnest([1, 1, 3, 11]) AS amount")
        found = measured(sql, "sales", Profile("day", metrics))
        assert found is not None
        assert found.metrics[0].tolist() == [0.5, 4.0, 2.0, pytest.approx(8.6), 0.75, 0.5]
        sql.execute("DELETE FROM sales")
        assert measured(sql, "sales", Profile("day", metrics)) is None
