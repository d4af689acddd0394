"""The checks of a table against its own history: each passes on an ordinary history and warns on its fault."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.contracts.table import Column, Table
from olist_assets.contracts.thresholds import Duplicates, Freshness, Threshold, Thresholds, Volume
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.checks import verdicts
from olist_assets_tests.rows import store

NOTES = Table(
    name="silver_notes",
    grain="One row per note.",
    key=(),
    columns=(
        Column("id", "int", "Number of the note."),
        Column("note", "string", "Text of the note.", nullable=True),
    ),
    thresholds=Thresholds(
        duplicates=Duplicates(("id",), Threshold(0.1, "")), freshness=Freshness("note", Threshold(2, ""))
    ),
)
SALES = Table(
    name="silver_sales",
    grain="One row per day.",
    key=("day",),
    columns=(Column("day", "date", "The day."), Column("orders", "int", "Orders on this day.")),
    thresholds=Thresholds(volume=Volume("day", "orders")),
)


def write(warehouse: Warehouse, counts: list[int], nulls: list[int] | None = None, repeated: int = 0) -> None:
    """A version of NOTES per count, each instead of the one before."""
    for count, empty in zip(counts, nulls or [0] * len(counts), strict=True):
        ids = [max(0, number - repeated) for number in range(count)]
        notes = [None if number < empty else "2018-10-16" for number in range(count)]
        store(warehouse, NOTES, *({"id": at, "note": note} for at, note in zip(ids, notes, strict=True)))


def verdict(warehouse: Warehouse, name: str, table: Table = NOTES) -> tuple[bool, dict[str, Any]]:
    result = verdicts.verdict(warehouse, table, name)
    assert result.severity == dg.AssetCheckSeverity.WARN
    return result.passed, verdicts.metrics(result)


@pytest.mark.parametrize(
    ("counts", "passes"),
    [
        ([100], True),  # no history
        ([100, 10, 500], True),  # too short a history
        ([100, 101, 102, 103, 104], True),
        ([100, 101, 102, 103, 60], False),
        ([100, 101, 102, 103, 150], False),
        ([100, 101, 102, 103, 0], False),
        ([10, 20, 40, 80, 160], True),  # a table that doubles each time may double again
        ([100, 101, 500, 101, 102, 103, 104, 105], True),  # one outlier in the past
    ],
)
def test_the_row_count_is_compared_with_the_growth_before(warehouse, counts, passes):
    write(warehouse, counts)
    passed, metrics = verdict(warehouse, "row_count_is_usual")
    assert passed == passes
    assert metrics["rows"] == counts[-1]
    assert ("history" in metrics) == (len(counts) < 5)


def test_null_rates_are_compared_column_by_column(warehouse):
    write(warehouse, [100] * 3, [3, 4, 3])
    assert verdict(warehouse, "null_rates_are_usual") == (True, {"history": "too short: 2 earlier versions"})
    write(warehouse, [100], [4])
    assert verdict(warehouse, "null_rates_are_usual") == (True, {"unusual": {}})
    write(warehouse, [100], [30])
    passed, metrics = verdict(warehouse, "null_rates_are_usual")
    assert (passed, metrics["unusual"]["note"]["rate"]) == (False, 0.3)


def test_maintenance_is_no_version_of_the_history(warehouse):
    write(warehouse, [100, 100])
    table = DeltaTable(str(warehouse.path(NOTES.name)))
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert [entry["operation"] for entry in table.history(2)] == ["VACUUM END", "VACUUM START"]
    write(warehouse, [10])
    assert verdict(warehouse, "row_count_is_usual")[1]["rows_before"] == [100, 100]


def test_a_changed_schema_is_reported_even_if_the_contract_changed_with_it(warehouse):
    write(warehouse, [5, 5])
    assert verdict(warehouse, "schema_matches_version_before") == (True, {"differences": [], "version_before": 1})
    rows = pa.table({"id": pa.array([1], pa.int64()), "more": ["x"]})
    write_deltalake(str(warehouse.path(NOTES.name)), rows, mode="overwrite", schema_mode="overwrite")
    passed, metrics = verdict(warehouse, "schema_matches_version_before")
    assert not passed
    assert [text.split(":")[0] for text in metrics["differences"]] == ["id", "note", "more"]


def test_the_first_version_has_no_schema_before(warehouse):
    write(warehouse, [5])
    assert verdict(warehouse, "schema_matches_version_before") == (True, {"history": "too short: 0 earlier versions"})


@pytest.mark.parametrize(("repeated", "passes"), [(0, True), (10, True), (11, False)])
def test_the_share_of_repeated_business_keys_is_limited_by_the_contract(warehouse, repeated, passes):
    write(warehouse, [100], repeated=repeated)
    assert verdict(warehouse, "duplicates_are_usual") == (passes, {"duplicates": repeated, "rate": repeated / 100})


def test_freshness_is_as_of_the_last_day_of_the_source_or_of_a_given_day(warehouse):
    write(warehouse, [5])
    passed, metrics = verdict(warehouse, "data_are_fresh")
    assert (passed, metrics["as_of"], metrics["days_behind"]) == (True, "2018-10-17", 1)
    assert metrics["max_days_behind"] == 2
    later = Warehouse(warehouse.settings.model_copy(update={"as_of": date(2018, 10, 19)}), warehouse.catalog)
    passed, metrics = verdict(later, "data_are_fresh")
    assert (passed, metrics["as_of"], metrics["days_behind"]) == (False, "2018-10-19", 3)


def test_a_table_without_a_day_is_not_fresh(warehouse):
    write(warehouse, [1], nulls=[1])
    passed, metrics = verdict(warehouse, "data_are_fresh")
    assert (passed, metrics["newest_day"], "days_behind" in metrics) == (False, "None", False)


def test_a_day_with_unusual_volume_warns_with_the_seen_and_the_expected_number(warehouse):
    ordinary = {date(2017, 1, 2) + timedelta(n): 100 + n % 7 for n in range(140)}
    for special, unusual in (({}, {}), ({date(2017, 5, 1): 400}, {"2017-05-01": {"seen": 400.0, "expected": 100}})):
        orders = ordinary | special
        store(warehouse, SALES, *({"day": day, "orders": number} for day, number in orders.items()))
        passed, metrics = verdict(warehouse, "volume_is_usual", SALES)
        assert (passed, metrics["unusual_days"]) == (not unusual, unusual)
        assert metrics["days_judged"] > 30
