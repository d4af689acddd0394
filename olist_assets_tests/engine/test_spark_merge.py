"""MERGE on Spark: what it changes and reports, and the settings of its session that no other write may see."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from olist_assets.contracts.table import Column, Table
from olist_assets.engine.engine import Engine
from olist_assets.engine.merge import IS_DELETE, Changed, merge_of
from olist_assets.engine.spark.engine import APPLICATION, SparkEngine
from olist_assets.engine.write_plan import Write
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.feeds import NEVER, fed_batch
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets_tests.oracle.compare import delta_rows

pytestmark = pytest.mark.spark
COUNTED = Table(
    name="gold_small",
    grain="g",
    key=("a", "b"),
    columns=(
        Column("a", "string", "A."),
        Column("b", "int", "B."),
        Column("text", "string", "Text.", nullable=True),
        Column("number", "bigint", "Sequence number.", nullable=True),
    ),
    sequence="number",
)
CLUSTERED = replace(COUNTED, columns=(*COUNTED.columns, Column("day", "date", "Day.", nullable=True)), day="day")
Change = tuple[str, int, str | None, int, bool]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table's place whose name has to be quoted."""
    return tmp_path / "it's `a` warehouse" / COUNTED.name


def rows(path: Path) -> list[tuple]:
    """Key, text and number of each stored row."""
    return sorted((row["a"], row["b"], row["text"], row["number"]) for row in delta_rows(open_delta(path)).to_pylist())


def merge(engine: Engine, path: Path, *changes: Change, batch: int | None = None, contract: Table = COUNTED) -> Changed:
    """Merge changes: key, text, number, and whether it is a deletion; other columns are null."""
    if not path.exists():
        engine.create_empty(path, contract)
    frame = engine.session.createDataFrame(
        [*changes], f"a string, b int, text string, number bigint, {IS_DELETE} boolean"
    )
    for column in contract.columns[4:]:
        frame = frame.selectExpr("*", f"CAST(NULL AS {column.type}) AS `{column.name}`")
    change = schema_change(shape(open_delta(path)), contract)
    return engine.merge(path, contract, merge_of(contract, frame, batch), change, user_metadata(run_id="r"))


@pytest.mark.parametrize("contract", [COUNTED, CLUSTERED], ids=["plain", "clustered"])
def test_only_what_is_newer_is_applied_and_counted(engine, path, contract):
    first = merge(
        engine, path, ("x", 1, "a", 5, False), ("x", 2, "b", 5, False), ("y", 1, None, 5, True), contract=contract
    )
    assert first == Changed(inserted=2)
    second = merge(
        engine, path, ("x", 1, "older", 4, False), ("x", 2, None, 6, True), ("z", 1, "new", 1, False), contract=contract
    )
    assert second == Changed(inserted=1, deleted=1)
    third = merge(engine, path, ("x", 1, "same", 5, False), ("z", 1, "newer", 2, False), contract=contract)
    assert third == Changed(updated=1)
    assert rows(path) == [("x", 1, "a", 5), ("z", 1, "newer", 2)]


def test_a_row_without_a_number_is_older_than_any_change(engine, path):
    columns = "a string, b int, text string, number bigint"
    stored = engine.session.createDataFrame([("x", 1, "of the file", None), ("y", 1, "of the file", None)], columns)
    engine.write(path, COUNTED, Write(stored), None, user_metadata())
    assert merge(engine, path, ("x", 1, "of an event", 0, False)) == Changed(updated=1)
    assert rows(path) == [("x", 1, "of an event", 0), ("y", 1, "of the file", None)]


def test_a_batch_is_merged_once_and_leaves_its_number_in_the_log(engine, path):
    assert merge(engine, path, ("x", 1, "a", 1, False)) == Changed(inserted=1)
    assert fed_batch(open_delta(path)) == NEVER
    merge(engine, path, ("x", 1, "b", 2, False), batch=7)
    assert fed_batch(open_delta(path)) == 7
    # Delta skips a batch that it knows, whatever is in it.
    assert merge(engine, path, ("x", 1, "c", 3, False), batch=7) == Changed()
    assert rows(path) == [("x", 1, "b", 2)]


def test_new_columns_are_added_by_the_same_merge(engine, path):
    merge(engine, path, ("x", 1, "a", 1, False), batch=1)
    wider = replace(COUNTED, columns=(*COUNTED.columns, Column("more", "string", "It's new.", nullable=True)))
    assert merge(engine, path, ("x", 1, "b", 2, False), batch=2, contract=wider) == Changed(updated=1)
    table = open_delta(path)
    assert shape(table)["more"] == ("string", True)
    assert fed_batch(table) == 2
    assert rows(path) == [("x", 1, "b", 2)]


def test_a_write_beside_a_merge_knows_nothing_of_its_batch(engine, path, tmp_path, monkeypatch):
    merge(engine, path, ("x", 1, "a", 1, False), batch=1)
    other, before = tmp_path / "other" / COUNTED.name, engine.session.conf.getAll
    apart = SparkEngine._apart
    columns = "a string, b int, text string, number bigint"

    def with_a_write_during_it(self, settings):
        @contextmanager
        def during():
            with apart(self, settings) as session:
                assert session.conf.get(APPLICATION, None) is not None
                written = self.session.createDataFrame([("x", 1, "beside", 1)], columns)
                self.write(other, COUNTED, Write(written), None, user_metadata())
                yield session

        return during()

    monkeypatch.setattr(SparkEngine, "_apart", with_a_write_during_it)
    assert merge(engine, path, ("x", 1, "b", 2, False), batch=2) == Changed(updated=1)
    assert fed_batch(open_delta(other)) == NEVER
    assert rows(other) == [("x", 1, "beside", 1)]
    assert engine.session.conf.getAll == before


def test_a_held_frame_is_computed_once_and_released(engine):
    frame = engine.session.range(3).selectExpr("id", "uuid() AS once")
    with engine.held(frame) as held:
        assert held.orderBy("id").collect() == held.orderBy("id").collect()
        assert held.storageLevel.useMemory
    assert not frame.storageLevel.useMemory
