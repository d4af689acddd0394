"""A schema that changes: new columns are added, anything else stops before a write unless the run allows it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from olist_assets.contracts.table import Column, Table
from olist_assets.engine.conformance import ContractViolation
from olist_assets.engine.write_plan import Span
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.engine.writing import FIELDS, commit_fields, io_manager
from olist_assets_tests.rows import frame

pytestmark = pytest.mark.engines
SMALL = Table(
    name="gold_small",
    grain="g",
    key=("a",),
    columns=(Column("a", "string", "A."), Column("b", "int", "B.", nullable=True)),
)
DAILY = Table(
    name="gold_small",
    grain="g",
    key=("a",),
    columns=(Column("a", "string", "A."), Column("day", "date", "Day.")),
    day="day",
)
NEW = Column("n", "decimal(12,2)", "It's new.", nullable=True)


@pytest.fixture
def manager(spark, warehouse):
    """The IO manager of a run that does not allow a change."""
    return io_manager(warehouse)


@pytest.fixture
def allowing(spark, warehouse):
    """The IO manager of a run that allows a change."""
    return io_manager(warehouse, allow_change=True)


def days(first: int, last: int) -> Span:
    """Days of January 2018 in DAILY, both included."""
    return Span("day", date(2018, 1, first), date(2018, 1, last) + timedelta(1))


def rows(warehouse: Warehouse) -> list[dict]:
    return warehouse.open("gold_small").to_pyarrow_table().to_pylist()


def test_safe_and_breaking_differences_are_described():
    stored = {"a": ("string", False), "b": ("int", True)}
    cases = {
        (): [],
        (NEW,): ["n decimal(12,2) is new"],
        (replace(NEW, nullable=False),): ["n decimal(12,2) is new and required"],
    }
    for extra, described in cases.items():
        assert schema_change(stored, replace(SMALL, columns=(*SMALL.columns, *extra))).described() == described
    narrowed = replace(SMALL, columns=(Column("a", "int", "A.", nullable=True),))
    assert schema_change(stored, narrowed).breaking == ("b int is gone", "a is int instead of string")
    required = replace(SMALL, columns=(SMALL.columns[0], Column("b", "int", "B.")))
    assert schema_change(stored, required).breaking == ("b is required now",)
    optional = replace(SMALL, columns=(Column("a", "string", "A.", nullable=True), SMALL.columns[1]))
    assert schema_change(stored, optional).breaking == ("a may be null now",)


def test_a_new_column_is_added_at_the_end_and_is_null_in_old_days(spark, warehouse, manager):
    manager.store(frame(spark, DAILY, {"a": "x", "day": date(2018, 1, 1)}), DAILY, days(1, 1), FIELDS)
    assert "schema_change" not in commit_fields(warehouse, "gold_small")
    wider = replace(DAILY, columns=(DAILY.columns[0], NEW, DAILY.columns[1]))
    added = frame(spark, wider, {"a": "y", "day": date(2018, 1, 2), "n": None})
    manager.store(added, wider, days(2, 2), FIELDS)
    assert list(shape(warehouse.open("gold_small"))) == ["a", "day", "n"]
    assert {(row["a"], row["n"]) for row in rows(warehouse)} == {("x", None), ("y", None)}
    assert commit_fields(warehouse, "gold_small")["schema_change"] == ["n decimal(12,2) is new"]
    (comment,) = [f.metadata["comment"] for f in warehouse.open("gold_small").schema().fields if f.name == "n"]
    assert comment == "It's new."


def test_other_words_for_a_column_change_nothing_but_the_comment(spark, warehouse, manager):
    manager.store(frame(spark, DAILY, {"a": "x", "day": date(2018, 1, 1)}), DAILY, days(1, 1), FIELDS)
    reworded = replace(DAILY, columns=(Column("a", "string", "Another text."), DAILY.columns[1]))
    manager.store(frame(spark, reworded, {"a": "y", "day": date(2018, 1, 2)}), reworded, days(2, 2), FIELDS)
    wider = replace(reworded, columns=(Column("a", "string", "A third."), DAILY.columns[1], NEW))
    manager.store(frame(spark, wider, {"a": "z", "day": date(2018, 1, 3), "n": None}), wider, days(3, 3), FIELDS)
    assert {(row["a"], row["n"]) for row in rows(warehouse)} == {("x", None), ("y", None), ("z", None)}


def test_any_other_change_is_refused_and_the_table_stays(spark, warehouse, manager, allowing):
    manager.store(frame(spark, SMALL, {"a": "x", "b": 1}), SMALL, None, FIELDS)
    changed = replace(SMALL, columns=(SMALL.columns[0], Column("b", "string", "B.")))
    with pytest.raises(ContractViolation, match=r"b is string instead of int.*Nothing was written.*--allow-schema"):
        manager.store(frame(spark, changed, {"a": "y", "b": "text"}), changed, None, FIELDS)
    assert rows(warehouse) == [{"a": "x", "b": 1}]
    allowing.store(frame(spark, changed, {"a": "y", "b": "text"}), changed, None, FIELDS)
    assert rows(warehouse) == [{"a": "y", "b": "text"}]
    assert shape(warehouse.open("gold_small")) == {"a": ("string", False), "b": ("string", False)}
    assert commit_fields(warehouse, "gold_small")["schema_change"] == ["b is string instead of int"]


def test_a_breaking_change_of_a_daily_table_needs_all_its_days(spark, warehouse, allowing):
    two = [{"a": "x", "day": date(2018, 1, 1)}, {"a": "y", "day": date(2018, 1, 2)}]
    allowing.store(frame(spark, DAILY, *two), DAILY, days(1, 2), FIELDS)
    changed = replace(DAILY, columns=(Column("a", "int", "A."), DAILY.columns[1]))
    one = frame(spark, changed, {"a": 1, "day": date(2018, 1, 1)})
    with pytest.raises(ContractViolation, match="Nothing was written: such a change needs all days in one run"):
        allowing.store(one, changed, days(1, 1), FIELDS)
    assert len(rows(warehouse)) == 2
    allowing.store(one, changed, days(1, 2), FIELDS)
    assert rows(warehouse) == [{"a": 1, "day": date(2018, 1, 1)}]
