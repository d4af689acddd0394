"""A source whose columns change: told apart, checked, taken along or refused before any write."""

import json
import shutil
from typing import Any

import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.bronze.snapshots import BRONZE
from olist_assets.checks.kinds import checks_of
from olist_assets.checks.assembly import evaluated
from olist_assets.source.drift import Drift, checked_file, drift
from olist_assets.errors import OlistError
from olist_assets.contracts.source_files import SOURCES
from olist_assets_tests.conftest import use

DONE, WRONG_USE = 0, 2
PAYMENTS = SOURCES["order_payments"]


@pytest.fixture
def path(sample, monkeypatch, tmp_path):
    """The payments file of a copy of the sample that is in force."""
    shutil.copytree(sample, tmp_path / "data")
    use(monkeypatch, tmp_path, tmp_path / "data")
    return tmp_path / "data" / PAYMENTS.name


def rewrite(path, header=None, column=None, value: Any = None):
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


def swapped(path):
    names = list(PAYMENTS.columns)
    names[1], names[2] = names[2], names[1]
    rewrite(path, header=names)


def renamed(path):
    rewrite(path, header=["order_id", "seq", *PAYMENTS.columns[2:]])


FAULTS = {
    "added": (lambda p: rewrite(p, column="currency", value=lambda _: "BRL"), {"added": ["currency"]}, False),
    "renamed": (renamed, {"added": ["seq"], "missing": ["payment_sequential"]}, True),
    "reordered": (swapped, None, True),
    "retyped": (
        lambda p: rewrite(p, column="payment_value", value=lambda v: f"R$ {v}"), None, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_difference_is_told_and_only_a_new_column_lets_a_run_go_on(path, fault):
    assert drift(path, PAYMENTS).described() == {}
    change, told, is_breaking = FAULTS[fault]
    change(path)
    found = drift(path, PAYMENTS)
    assert next(iter(found.described())) == next(iter(told or {fault: 0}))
    assert told is None or found.described() == told
    assert found.is_breaking == is_breaking
    if is_breaking:
        with pytest.raises(OlistError, match="--allow-schema-change reads it all the same"):
            checked_file(PAYMENTS)
    assert checked_file(PAYMENTS, allow_change=True)[1] == found


def test_a_few_bad_values_are_rejects_and_no_other_type(path):
    rewrite(path, column="payment_value", value=lambda v: "free" if v.startswith("1") else v)
    assert drift(path, PAYMENTS).retyped == ()


@pytest.mark.parametrize("name", ["a b", "source_file", "order_id"])
def test_a_header_that_cannot_name_columns_is_refused_even_if_changes_are_allowed(path, name):
    rewrite(path, column=None, header=[*PAYMENTS.columns[:4], name])
    with pytest.raises(OlistError, match="cannot be names of columns"):
        checked_file(PAYMENTS, allow_change=True)


def said(settings):
    table = lakehouse.open_table(settings, "bronze_order_payments")
    return json.loads(table.history(1)[0]["userMetadata"])


def test_bronze_takes_a_new_column_along_and_keeps_it_when_it_goes_again(olist, path, monkeypatch, tmp_path):
    settings = use(monkeypatch, tmp_path, path.parent)
    before = path.read_bytes()
    select = ("materialize", "--select", "bronze_order_payments")
    assert olist(*select)[0] == DONE
    rewrite(path, column="currency", value=lambda _: "BRL")
    code, text = olist(*select)
    assert code == DONE, text
    assert "source_matches_contract" in text
    table = lakehouse.open_table(settings, "bronze_order_payments")
    assert set(table.to_pyarrow_table()["currency"].to_pylist()) == {"BRL"}
    assert said(settings)["schema_change"] == ["currency string is new"]
    path.write_bytes(before)
    assert olist(*select)[0] == DONE
    table = lakehouse.open_table(settings, "bronze_order_payments")
    assert set(table.to_pyarrow_table()["currency"].to_pylist()) == {None}


def test_a_missing_column_stops_a_run_before_any_write_unless_it_is_allowed(olist, path, monkeypatch, tmp_path):
    settings = use(monkeypatch, tmp_path, path.parent)
    renamed(path)
    select = ("materialize", "--select", "group:bronze")
    code, text = olist(*select)
    assert code == WRONG_USE
    assert "missing columns ['payment_sequential'], unexpected columns ['seq']" in " ".join(text.split())
    assert lakehouse.tables_on_disk(settings) == {}
    code, text = olist("materialize", "--select", "bronze_order_payments", "--allow-schema-change")
    assert code == DONE, text
    rows = lakehouse.open_table(settings, "bronze_order_payments").to_pyarrow_table()
    assert set(rows["payment_sequential"].to_pylist()) == {None}
    assert "1" in rows["seq"].to_pylist()
    assert said(settings)["source_drift"] == {"added": ["seq"], "missing": ["payment_sequential"]}


def test_the_check_shows_the_difference(olist, path, monkeypatch, tmp_path):
    settings = use(monkeypatch, tmp_path, path.parent)
    assert olist("materialize", "--select", "bronze_order_payments")[0] == DONE
    contract = BRONZE["order_payments"]
    (check,) = [check for check in checks_of(contract) if check.name == "source_matches_contract"]
    assert [result.passed for result in evaluated(contract, [check], settings)] == [True]
    rewrite(path, column="currency", value=lambda _: "BRL")
    (result,) = evaluated(contract, [check], settings)
    assert not result.passed
    assert result.metadata["differences"].value == {"added": ["currency"]}


def test_no_difference_is_no_drift():
    assert Drift(header=PAYMENTS.columns).described() == {}
    assert not Drift(header=PAYMENTS.columns).is_breaking
