"""Tables of history: a row is appended once per key, and a stored row never changes."""

from dataclasses import replace

import pytest

from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.history_table import append_new, replace_rows, stored_keys
from olist_assets.lakehouse.warehouse import TableMissing

NOTES = Table(
    name="monitoring_notes",
    grain="One row per note.",
    key=("id",),
    columns=(
        Column("id", "int", "Number of the note."),
        Column("note", "string", "Text of the note.", nullable=True),
    ),
    is_history=True,
)


def test_rows_of_the_past_are_appended_once(warehouse):
    rows = [{"id": 1, "note": "a"}, {"id": 2, "note": None}]
    assert [append_new(warehouse, NOTES, given) for given in (rows[:1], rows, rows, [])] == [1, 1, 0, 0]
    assert append_new(warehouse, NOTES, [{"id": 1, "note": "changed"}]) == 0
    assert warehouse.open(NOTES.name).to_pyarrow_table().sort_by("id").to_pylist() == rows
    assert stored_keys(warehouse, NOTES) == {(1,), (2,)}


def test_the_first_append_creates_the_table_even_without_rows(warehouse):
    assert stored_keys(warehouse, NOTES) is None
    with pytest.raises(TableMissing):
        warehouse.open(NOTES.name)
    assert append_new(warehouse, NOTES, []) == 0
    assert stored_keys(warehouse, NOTES) == set()


def test_derived_rows_replace_the_stored_ones_and_are_not_written_twice(warehouse):
    rows = [{"id": 1, "note": "a"}, {"id": 2, "note": None}]
    changed = [{"id": 1, "note": "b"}]
    assert [replace_rows(warehouse, NOTES, given) for given in (rows, rows, rows[::-1], changed)] == [2, 0, 0, 1]
    stored = warehouse.open(NOTES.name)
    assert (stored.version(), warehouse.rows(stored).to_pylist()) == (1, changed)


def test_a_contract_in_other_words_or_with_a_further_column_keeps_what_is_stored(warehouse):
    append_new(warehouse, NOTES, [{"id": 1, "note": "a"}])
    further = Column("by", "string", "Who wrote it.", nullable=True)
    changed = replace(NOTES, columns=(Column("id", "int", "Its number."), NOTES.columns[1], further))
    assert append_new(warehouse, changed, [{"id": 1, "note": "b", "by": "x"}, {"id": 2, "note": None, "by": "y"}]) == 1
    stored = warehouse.rows(warehouse.open(NOTES.name)).sort_by("id").to_pylist()
    assert stored == [{"id": 1, "note": "a", "by": None}, {"id": 2, "note": None, "by": "y"}]


def test_derived_rows_take_over_the_words_and_columns_of_the_contract(warehouse):
    replace_rows(warehouse, NOTES, [{"id": 1, "note": "a"}])
    further = Column("by", "string", "Who wrote it.", nullable=True)
    changed = replace(NOTES, columns=(Column("id", "int", "Its number."), NOTES.columns[1], further))
    rows = [{"id": 1, "note": "a", "by": "x"}]
    assert [replace_rows(warehouse, changed, rows) for _ in range(2)] == [1, 0]
    stored = warehouse.open(NOTES.name)
    assert warehouse.rows(stored).to_pylist() == rows
    assert stored.schema().fields[0].metadata["comment"] == "Its number."
