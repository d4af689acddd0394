"""A source whose columns change: each difference is recognized, reported, and kept or refused before any write."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.checks.assembly import evaluate
from olist_assets.checks.kinds import checks_of
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.lakehouse.delta_log import commits
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import Request, materialize
from olist_assets.settings import Settings
from olist_assets.source import drift as drifts
from olist_assets.source.drift import Drift
from olist_assets_tests.conftest import make, settings_in
from olist_assets_tests.rows import store

WRONG_USE = 2
PAYMENTS, BRONZE_PAYMENTS = SOURCES["order_payments"], BRONZE["order_payments"]


@pytest.fixture
def settings(sample: Path, tmp_path: Path) -> Settings:
    """Settings over a copy of the sample that a test may change."""
    shutil.copytree(sample, tmp_path / "data")
    return settings_in(tmp_path, tmp_path / "data")


@pytest.fixture
def path(settings: Settings) -> Path:
    """The payments file of that copy."""
    return settings.data / PAYMENTS.name


@pytest.fixture
def drift(warehouse: Warehouse):
    """The drift of the payments file as it is now."""

    def found() -> Drift:
        with warehouse.sql() as con:
            return drifts.drift(con, warehouse.settings, PAYMENTS)

    return found


@pytest.fixture
def checked_file(warehouse: Warehouse):
    """The payments file if it can be read."""

    def found(*, allow_change: bool = False) -> tuple[Path, Drift]:
        with warehouse.sql() as con:
            file, differences = drifts.checked_file(con, warehouse.settings, PAYMENTS, allow_change=allow_change)
        return file.path, differences

    return found


def rewrite(path: Path, header: Any = None, column: str | None = None, value: Any = None) -> None:
    """Give the file another header, or a column of its records another value."""
    lines = path.read_text().splitlines()
    names = lines[0].replace('"', "").split(",")
    records = [line.split(",") for line in lines[1:]]
    if column in names:
        for record in records:
            record[names.index(column)] = value(record[names.index(column)])
    elif column:
        names.append(column)
        records = [[*record, value(record)] for record in records]
    path.write_text("\n".join(",".join(record) for record in [header or names, *records]) + "\n")


def add_currency(path: Path) -> None:
    rewrite(path, column="currency", value=lambda _: "BRL")


def rename(path: Path) -> None:
    rewrite(path, header=["order_id", "seq", *PAYMENTS.columns[2:]])


def swap(path: Path) -> None:
    names = list(PAYMENTS.columns)
    names[1], names[2] = names[2], names[1]
    rewrite(path, header=names)


def retype(path: Path) -> None:
    rewrite(path, column="payment_value", value=lambda value: f"R$ {value}")


SWAPPED = "order_id, payment_type, payment_sequential, payment_installments, payment_value"


@pytest.mark.parametrize(
    ("change", "expected", "problem"),
    [
        (add_currency, {"added": ["currency"]}, None),
        (rename, {"added": ["seq"], "missing": ["payment_sequential"]}, r"missing columns \['payment_sequential'\]"),
        # The values are where they were: under the swapped names they are of other types.
        (swap, {"reordered": [SWAPPED]}, f"columns are reordered, expected {', '.join(PAYMENTS.columns)}"),
        (retype, {}, r"payment_value was .* and most values are not \(\d+ of \d+, the first in record 1\)"),
    ],
)
def test_each_difference_is_described_and_only_a_new_column_does_not_stop_a_run(
    drift, checked_file, path, change, expected, problem
):
    assert drift().described() == {}
    change(path)
    found = drift()
    described = found.described()
    assert {kind: names for kind, names in described.items() if kind != "retyped"} == expected
    assert ("retyped" in described) == (change in (swap, retype))
    assert found.is_breaking == bool(problem)
    if problem:
        with pytest.raises(OlistError, match=f"{problem}.*Nothing was written. --allow-schema-change reads it anyway"):
            checked_file()
    assert checked_file(allow_change=True) == (path, found)


def test_a_few_bad_values_are_rejects_and_no_other_type(drift, path):
    rewrite(path, column="payment_value", value=lambda value: "free" if value.startswith("1") else value)
    assert "free" in path.read_text()
    assert drift().retyped == ()


@pytest.mark.parametrize("name", ["a b", "source_file", "SOURCE_FILE", "order_id"])
def test_a_header_that_cannot_name_columns_is_refused_even_if_changes_are_allowed(checked_file, path, name):
    rewrite(path, header=[*PAYMENTS.columns[:4], name])
    fields = "1, 5" if name in PAYMENTS.columns else "5"
    with pytest.raises(OlistError, match=f"the fields {fields} of its first line cannot be column names"):
        checked_file(allow_change=True)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (
            ["x", "y", "z"],
            "header: none of the 3 fields of its first line is the name of a column. That line must be: order_id,",
        ),
        ([*PAYMENTS.columns, ""], "has a comma at the end of its header. Remove it there and from all records"),
    ],
)
def test_a_file_without_its_header_is_refused_with_the_remedy(drift, path, header, problem):
    rewrite(path, header=header)
    with pytest.raises(OlistError, match=problem):
        drift()


def test_no_difference_is_no_drift():
    assert Drift(header=PAYMENTS.columns).described() == {}
    assert not Drift(header=PAYMENTS.columns).is_breaking


def test_the_check_describes_the_difference(warehouse: Warehouse, path):
    store(warehouse, BRONZE_PAYMENTS, {})
    checks = checks_of(BRONZE_PAYMENTS, warehouse.catalog.tables)
    check = [check for check in checks if check.name == "source_matches_contract"]
    (before,) = evaluate(warehouse, PUBLISHED, BRONZE_PAYMENTS, check)
    assert before.passed
    add_currency(path)
    (after,) = evaluate(warehouse, PUBLISHED, BRONZE_PAYMENTS, check)
    assert not after.passed
    assert after.metadata["differences"].value == {"added": ["currency"]}


def commit_fields(warehouse: Warehouse) -> dict[str, Any]:
    """The metadata of the newest commit of the payments."""
    newest = commits(warehouse.path(BRONZE_PAYMENTS.name))[0]
    assert newest.info
    return json.loads(newest.info["userMetadata"])


def stored(warehouse: Warehouse, column: str) -> set[str | None]:
    return set(warehouse.open(BRONZE_PAYMENTS.name).to_pyarrow_table()[column].to_pylist())


def test_bronze_keeps_a_new_column_also_when_the_source_loses_it_again(spark, platform: Platform, path):
    before = path.read_bytes()
    assert make(platform, BRONZE_PAYMENTS.name).succeeded
    add_currency(path)
    report = make(platform, BRONZE_PAYMENTS.name)
    assert report.succeeded
    assert "source_matches_contract" in {check.check_name for check in report.warnings}
    assert stored(platform.warehouse, "currency") == {"BRL"}
    assert commit_fields(platform.warehouse)["schema_change"] == ["currency string is new"]
    path.write_bytes(before)
    assert make(platform, BRONZE_PAYMENTS.name).succeeded
    assert stored(platform.warehouse, "currency") == {None}


def test_a_missing_column_stops_a_run_before_any_write(olist, warehouse: Warehouse, path):
    rename(path)
    code, text = olist("materialize", "--select", "group:bronze")
    assert code == WRONG_USE
    assert "missing columns ['payment_sequential'], unexpected columns ['seq']" in " ".join(text.split())
    assert warehouse.existing_tables() == {}


def test_a_missing_column_is_null_in_bronze_if_the_change_is_allowed(spark, platform: Platform, path):
    rename(path)
    request = Request({BRONZE_PAYMENTS.name}, platform.calendar.days, allow_schema_change=True)
    assert materialize(platform, request, lambda *_: None).succeeded
    assert stored(platform.warehouse, "payment_sequential") == {None}
    assert "1" in stored(platform.warehouse, "seq")
    assert commit_fields(platform.warehouse)["source_drift"] == {"added": ["seq"], "missing": ["payment_sequential"]}
