"""Rows added, removed and changed between two versions, without Spark."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Literal

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.contracts.table import Column, Table
from olist_assets.errors import OlistError
from olist_assets.lakehouse.table_diff import diff

SCHEMA = pa.schema(
    [("k", pa.string()), ("day", pa.date32()), ("n", pa.decimal128(12, 2)), ("tags", pa.list_(pa.string()))]
)
COLUMNS = tuple(Column(name, "string", "") for name in SCHEMA.names)
KEYED = Table("gold_keyed", "One row per key.", ("k",), COLUMNS, day="day")
WHOLE = Table("silver_whole", "Rows.", (), COLUMNS)
VOLATILE = replace(KEYED, columns=tuple(replace(c, is_volatile=c.name == "n") for c in COLUMNS))


def row(k, day=1, n: str | None = "1.00", tags: tuple | None = ("x",)):
    return {"k": k, "day": date(2018, 1, day), "n": n and Decimal(n), "tags": None if tags is None else list(tags)}


@pytest.fixture
def between(warehouse, tmp_path):
    """Compares two contents of a table; the second overwrites the first or is appended to it."""

    def compare(old, new, contract=KEYED, mode: Literal["overwrite", "append"] = "overwrite", limit=9):
        write_deltalake(tmp_path, pa.Table.from_pylist(old, SCHEMA))
        write_deltalake(tmp_path, pa.Table.from_pylist(new, SCHEMA), mode=mode)
        versions = [DeltaTable(tmp_path, version=version) for version in (0, 1)]
        return diff(warehouse, contract, *versions, limit=limit)

    return compare


def counts(found):
    return found.added, found.removed, found.changed, found.unchanged


def test_equal_rows_do_not_differ_whatever_their_types_and_order(between):
    rows = [row("a"), row("b", n=None), row("c", tags=None), row("d", tags=("x", None)), row(None)]
    found = between(rows, rows[::-1])
    assert counts(found) == (0, 0, 0, 5)
    assert (found.columns, found.days, found.samples) == ({}, (), ())


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ({"n": "1.00"}, {"n": "1.01"}, "n"),
        ({"n": None}, {"n": "1.01"}, "n"),
        ({"tags": ("x", "y")}, {"tags": ("y", "x")}, "tags"),
        ({"tags": ()}, {"tags": None}, "tags"),
        ({"tags": ("x",)}, {"tags": (None,)}, "tags"),
    ],
)
def test_a_value_that_changed_is_counted_by_column(between, old, new, column):
    found = between([row("a", **old), row("b")], [row("a", **new), row("b")])
    assert counts(found) == (0, 0, 1, 1)
    assert found.columns == {column: 1}
    ((before, after),) = found.samples
    assert (before, after) == (row("a", **old), row("a", **new))


def test_a_row_that_moved_changes_both_its_days(between):
    found = between([row("a", day=1), row("b", day=5)], [row("a", day=3), row("b", day=5)])
    assert counts(found) == (0, 0, 1, 1)
    assert found.days == (date(2018, 1, 1), date(2018, 1, 3))


def test_a_volatile_column_is_not_compared(between):
    found = between([row("a", n="1.00")], [row("a", n="2.00")], contract=VOLATILE)
    assert (counts(found), found.not_compared) == ((0, 0, 0, 1), ("n",))


def test_rows_of_the_same_key_make_pairs_and_not_a_product(between):
    found = between(
        [row("a", n="1.00"), row("a", n="2.00")], [row("a", n="3.00"), row("a", n="4.00"), row("a", n="5.00")]
    )
    assert counts(found) == (1, 0, 2, 0)


def test_a_null_key_is_a_key(between):
    assert counts(between([row(None, n="1.00")], [row(None, n="2.00")])) == (0, 0, 1, 0)


def test_files_that_both_versions_have_count_as_unchanged(between):
    found = between([row("a"), row("b")], [row("c", day=2)], mode="append")
    assert counts(found) == (1, 0, 0, 2)
    assert found.days == (date(2018, 1, 2),)


@pytest.mark.parametrize(
    ("old", "new", "expected"), [([], "ab", (2, 0, 0, 0)), ("ab", [], (0, 2, 0, 0)), ([], [], (0,) * 4)]
)
def test_an_empty_version_can_be_compared(between, old, new, expected):
    assert counts(between([*map(row, old)], [*map(row, new)])) == expected


def test_without_a_key_rows_are_compared_as_often_as_they_occur(between):
    found = between([*map(row, "aab")], [*map(row, "abbcc")], contract=WHOLE)
    assert counts(found) == (3, 1, 0, 2)
    assert [(old and old["k"], new and new["k"]) for old, new in found.samples] == [
        (None, "b"), (None, "c"), (None, "c"), ("a", None),
    ]  # fmt: skip


def test_samples_are_limited_for_each_kind(between):
    found = between([row("a"), *map(row, "xyz")], [row("a", n="2.00"), *map(row, "pqr")], limit=2)
    assert [(old and old["k"], new and new["k"]) for old, new in found.samples] == [
        (None, "p"), (None, "q"), ("x", None), ("y", None), ("a", "a"),
    ]  # fmt: skip


def test_a_column_that_one_version_lacks_is_named_and_not_compared(warehouse, tmp_path):
    write_deltalake(tmp_path, pa.Table.from_pylist([row("a")], SCHEMA))
    wider = pa.Table.from_pylist([row("b")], SCHEMA).append_column("extra", pa.array([1]))
    write_deltalake(tmp_path, wider, mode="append", schema_mode="merge")
    DeltaTable(tmp_path).delete("k = 'a'")
    first, second, third = (DeltaTable(tmp_path, version=version) for version in range(3))
    found = diff(warehouse, KEYED, first, second)
    assert (found.only_in_one, counts(found)) == (("extra",), (1, 0, 0, 1))
    # The file that is older than the column does not hold it.
    found = diff(warehouse, KEYED, second, third, limit=1)
    assert (found.only_in_one, counts(found)) == ((), (0, 1, 0, 1))
    assert found.samples == (({**row("a"), "extra": None}, None),)


def test_versions_without_the_key_cannot_be_compared(warehouse, tmp_path):
    write_deltalake(tmp_path, pa.Table.from_pylist([row("a")], SCHEMA))
    write_deltalake(
        tmp_path,
        pa.Table.from_pylist([row("a")], SCHEMA).drop_columns(["k"]),
        mode="overwrite",
        schema_mode="overwrite",
    )
    with pytest.raises(OlistError, match="has no k"):
        diff(warehouse, KEYED, DeltaTable(tmp_path, version=0), DeltaTable(tmp_path, version=1))
