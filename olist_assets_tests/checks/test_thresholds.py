"""What is usual for a table: each check passes on an ordinary history and warns on what it is there for. No JVM."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from olist_assets.checks.kinds import checks_of
from olist_assets.checks.assembly import evaluated
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.warehouse import open_table, table_path
from olist_assets.monitoring.append import add_new
from olist_assets.checks.robust import is_usual, spread
from olist_assets.checks.volume import judged
from olist_assets.settings import Settings
from olist_assets.contracts.thresholds import Duplicates, Freshness, Limit, Usual, Volume

FIRST = date(2017, 1, 2)
VOLUME = Volume("day", "orders")
DEVIATIONS = Limit(5, "")
NOTES = Table(
    name="silver_notes",
    grain="One row per note.",
    key=(),
    columns=(Column("id", "int", "It."), Column("note", "string", "What it says.", nullable=True)),
    usual=Usual(duplicates=Duplicates(("id",), Limit(0.1, "")), freshness=Freshness("note", Limit(2, ""))),
)


def write(settings: Settings, counts: list[int], nulls: list[int] | None = None, repeated: int = 0) -> None:
    """A version of NOTES a count, each instead of the one before."""
    import pyarrow as pa
    from deltalake import write_deltalake

    for count, empty in zip(counts, nulls or [0] * len(counts), strict=True):
        ids = [max(0, number - repeated) for number in range(count)]
        notes = [None if number < empty else "2018-10-16" for number in range(count)]
        schema = pa.schema([pa.field("id", pa.int32(), False), pa.field("note", pa.string())])
        rows = pa.table({"id": ids, "note": notes}, schema)
        write_deltalake(str(table_path(settings, NOTES.name)), rows, mode="overwrite", schema_mode="overwrite")


def verdict(settings: Settings, name: str) -> tuple[bool, dict[str, Any]]:
    (result,) = evaluated(NOTES, [check for check in checks_of(NOTES) if check.name == name], settings)
    assert result.severity == dg.AssetCheckSeverity.WARN
    return result.passed, {key: value.value for key, value in result.metadata.items()}


@pytest.mark.parametrize(
    ("counts", "passes"),
    [
        ([100], True),  # no history
        ([100, 10, 500], True),  # too short a one
        ([100, 101, 102, 103, 104], True),
        ([100, 101, 102, 103, 60], False),
        ([100, 101, 102, 103, 150], False),
        ([100, 101, 102, 103, 0], False),
        ([10, 20, 40, 80, 160], True),  # what doubles each time may double again
        ([100, 101, 500, 101, 102, 103, 104, 105], True),  # one wild version in the past
    ],
)
def test_rows_are_compared_with_how_the_table_grew_before(settings, counts, passes):
    write(settings, counts)
    passed, figures = verdict(settings, "row_count_is_usual")
    assert passed == passes
    assert figures["rows"] == counts[-1]
    assert ("history" in figures) == (len(counts) < 5)


def test_nulls_are_compared_column_by_column(settings):
    write(settings, [100] * 3, [3, 4, 3])
    assert verdict(settings, "null_rates_are_usual") == (True, {"history": "too short: 2 earlier versions"})
    write(settings, [100], [4])
    assert verdict(settings, "null_rates_are_usual")[0]
    write(settings, [100], [30])
    passed, figures = verdict(settings, "null_rates_are_usual")
    assert (passed, figures["unusual"]["note"]["rate"]) == (False, 0.3)


def test_maintenance_is_no_history(settings):
    from deltalake import DeltaTable

    write(settings, [100, 100])
    table = DeltaTable(str(table_path(settings, NOTES.name)))
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert [entry["operation"] for entry in table.history(2)] == ["VACUUM END", "VACUUM START"]
    write(settings, [10])
    assert verdict(settings, "row_count_is_usual")[1]["rows_before"] == [100, 100]


def test_a_schema_that_changed_is_told_though_the_contract_may_have_changed_too(settings):
    import pyarrow as pa
    from deltalake import write_deltalake

    write(settings, [5])
    assert verdict(settings, "schema_matches_version_before")[0]
    path = str(table_path(settings, NOTES.name))
    rows = pa.table({"id": pa.array([1], pa.int64()), "more": ["x"]})
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")
    passed, figures = verdict(settings, "schema_matches_version_before")
    assert not passed
    assert [text.split(":")[0] for text in figures["differences"]] == ["id", "note", "more"]


@pytest.mark.parametrize(("repeated", "passes"), [(0, True), (10, True), (11, False)])
def test_rows_that_repeat_a_business_key_may_be_as_many_as_the_contract_says(settings, repeated, passes):
    write(settings, [100], repeated=repeated)
    assert verdict(settings, "duplicates_are_usual") == (passes, {"duplicates": repeated, "rate": repeated / 100})


def test_freshness_is_as_of_the_sources_last_day_or_of_a_day_that_is_named(settings, monkeypatch):
    write(settings, [5])
    passed, figures = verdict(settings, "data_are_fresh")
    assert (passed, figures["as_of"], figures["days_behind"]) == (True, "2018-10-17", 1)
    monkeypatch.setenv("OLIST_AS_OF", "2018-10-19")
    passed, figures = verdict(Settings(), "data_are_fresh")
    assert (passed, figures["as_of"], figures["days_behind"]) == (False, "2018-10-19", 3)


def days(weeks: int = 24, growth: float = 1.01, **special: float) -> list[tuple[date, float]]:
    """Orders a day that grow, with busy Mondays and quiet Sundays; `special` days by `dN` have another number."""
    by_weekday = [1.3, 1.1, 1.0, 1.0, 1.0, 0.8, 0.6]
    ordinary = [100 * growth ** (n / 7) * by_weekday[n % 7] * (1 + 0.04 * (n % 3)) for n in range(7 * weeks)]
    orders = {f"d{n}": number for n, number in enumerate(ordinary)} | special
    return [(FIRST + timedelta(int(name[1:])), number) for name, number in orders.items()]


def unusual(found) -> list[int]:
    return [(day.day - FIRST).days for day in found if not day.is_usual]


@pytest.mark.parametrize("growth", [0.97, 1.0, 1.05])
def test_weekdays_and_growth_are_usual(growth):
    found = judged(days(growth=growth), VOLUME, DEVIATIONS)
    assert (len(found) > 30, unusual(found)) == (True, [])


def test_a_day_of_sales_and_a_day_of_nothing_stand_out_and_leave_the_others_usual():
    found = judged(days(d122=900, d125=0), VOLUME, DEVIATIONS)
    assert unusual(found) == [122, 125]
    assert next(day for day in found if (day.day - FIRST).days == 122).expected == pytest.approx(117, rel=0.15)


def test_the_ends_of_the_data_are_not_judged():
    thin = [(day, orders / 10) for day, orders in days()]
    assert judged(thin, VOLUME, DEVIATIONS) == []
    # The newest days are not settled, and the calendar may go on beyond the last order.
    fading = days(d166=5, d167=1) + [(FIRST + timedelta(168 + n), 0) for n in range(40)]
    found = judged(fading, VOLUME, DEVIATIONS)
    assert (unusual(found), (found[-1].day - FIRST).days) == ([], 167 - 14)
    assert judged([], VOLUME, DEVIATIONS) == judged([(FIRST, 0)], VOLUME, DEVIATIONS) == []


def test_spread_is_that_of_a_normal_distribution_and_one_wild_value_moves_it_little():
    assert spread([1, 2, 3, 4, 5]) == pytest.approx(1.4826)
    assert spread([1, 2, 3, 4, 500]) == pytest.approx(1.4826)
    assert is_usual(10, [3, 4, 5], 1, 5)
    assert not is_usual(12, [3, 4, 5], 1, 5)
    assert is_usual(4.9, [4, 4, 4], 1, 5)
    assert not is_usual(5.1, [4, 4, 4], 1, 5)


def test_rows_of_the_past_are_added_once(settings):
    rows = [{"id": 1, "note": "a"}, {"id": 2, "note": None}]
    table = Table(name="monitoring_notes", grain="", key=("id",), columns=NOTES.columns)
    assert [add_new(settings, table, given) for given in (rows[:1], rows, rows, [])] == [1, 1, 0, 0]
    stored = open_table(settings, table.name).to_pyarrow_table().sort_by("id").to_pylist()
    assert stored == rows
