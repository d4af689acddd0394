"""A schema that changes: new columns are taken along, anything else stops before a write unless the run allows it."""

import json
from dataclasses import replace
from datetime import date

import pytest

from olist_assets.engine import io_manager as module
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.contracts.table import Column, Table
from olist_assets.engine.io_manager import ContractViolation, DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.spark.session import Spark
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.engine.write_plan import Span
from olist_assets_tests.rows import frame

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
    cluster_by="day",
)
NEW = Column("n", "decimal(12,2)", "It's new.", nullable=True)
SAID = {"run_id": "r"}


@pytest.fixture
def managers(spark, settings):
    """The IO manager of a run that does not allow a change, and of one that does."""
    del spark, settings
    return [DeltaIOManager(spark=Spark(), schema_policy=SchemaPolicy(allow_change=allow)) for allow in (False, True)]


def last_said(settings):
    return json.loads(lakehouse.open_table(settings, "gold_small").history(1)[0]["userMetadata"])


def rows(settings):
    return lakehouse.open_table(settings, "gold_small").to_pyarrow_table().to_pylist()


def test_differences_are_told_apart():
    stored = {"a": ("string", False), "b": ("int", True)}
    cases = {
        (): [],
        (NEW,): ["n decimal(12,2) is new"],
        (replace(NEW, nullable=False),): ["n decimal(12,2) is new and required"],
    }
    for extra, told in cases.items():
        assert schema_change(stored, replace(SMALL, columns=(*SMALL.columns, *extra))).described() == told
    narrowed = replace(SMALL, columns=(Column("a", "int", "A.", nullable=True),))
    assert schema_change(stored, narrowed).breaking == ("b int is gone", "a is int instead of string")
    required = replace(SMALL, columns=(SMALL.columns[0], Column("b", "int", "B.")))
    assert schema_change(stored, required).breaking == ("b is required now",)


def test_a_new_column_is_added_at_its_place_and_old_days_have_none(spark, settings, managers):
    manager, _ = managers
    manager.store(
        frame(spark, DAILY, {"a": "x", "day": date(2018, 1, 1)}),
        DAILY, Span("day", date(2018, 1, 1), date(2018, 1, 2)), SAID,
    )  # fmt: skip
    wider = replace(DAILY, columns=(DAILY.columns[0], NEW, DAILY.columns[1]))
    manager.store(
        frame(spark, wider, {"a": "y", "day": date(2018, 1, 2), "n": None}),
        wider, Span("day", date(2018, 1, 2), date(2018, 1, 3)), SAID,
    )  # fmt: skip
    assert list(shape(lakehouse.open_table(settings, "gold_small"))) == ["a", "n", "day"]
    assert {(row["a"], row["n"]) for row in rows(settings)} == {("x", None), ("y", None)}
    assert last_said(settings)["schema_change"] == ["n decimal(12,2) is new"]


def test_any_other_change_is_refused_and_the_table_stays(spark, settings, managers):
    manager, allowing = managers
    manager.store(frame(spark, SMALL, {"a": "x", "b": 1}), SMALL, None, SAID)
    changed = replace(SMALL, columns=(SMALL.columns[0], Column("b", "string", "B.")))
    with pytest.raises(ContractViolation, match=r"b is string instead of int.*Nothing was written.*--allow-schema"):
        manager.store(frame(spark, changed, {"a": "y", "b": "text"}), changed, None, SAID)
    assert rows(settings) == [{"a": "x", "b": 1}]
    allowing.store(frame(spark, changed, {"a": "y", "b": "text"}), changed, None, SAID)
    assert rows(settings) == [{"a": "y", "b": "text"}]
    assert shape(lakehouse.open_table(settings, "gold_small")) == {"a": ("string", False), "b": ("string", False)}
    assert last_said(settings)["schema_change"] == ["b is string instead of int"]


def test_a_daily_table_changes_at_a_loss_only_with_all_its_days(spark, settings, managers):
    _, allowing = managers
    whole = Span("day", date(2018, 1, 1), date(2018, 1, 3))
    two = [{"a": "x", "day": date(2018, 1, 1)}, {"a": "y", "day": date(2018, 1, 2)}]
    allowing.store(frame(spark, DAILY, *two), DAILY, whole, SAID)
    changed = replace(DAILY, columns=(Column("a", "int", "A."), DAILY.columns[1]))
    one = frame(spark, changed, {"a": 1, "day": date(2018, 1, 1)})
    with pytest.raises(ContractViolation, match="needs all its days in one run"):
        allowing.store(one, changed, Span("day", date(2018, 1, 1), date(2018, 1, 2)), SAID)
    assert len(rows(settings)) == 2
    allowing.store(one, changed, whole, SAID)
    assert rows(settings) == [{"a": 1, "day": date(2018, 1, 1)}]
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{lakehouse.table_path(settings, 'gold_small')}`").first()
    assert detail.clusteringColumns == ["day"]


def test_a_killed_change_leaves_a_table_that_the_next_run_makes(spark, settings, managers, monkeypatch):
    _, allowing = managers
    allowing.store(frame(spark, SMALL, {"a": "x", "b": 1}), SMALL, None, SAID)
    changed = replace(SMALL, columns=(SMALL.columns[0],))
    with monkeypatch.context() as patch:
        patch.setattr(module, "faults_named", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            allowing.store(frame(spark, changed, {"a": "y"}), changed, None, SAID)
    with pytest.raises(lakehouse.TableMissing):
        lakehouse.open_table(settings, "gold_small")
    allowing.store(frame(spark, changed, {"a": "y"}), changed, None, SAID)
    assert rows(settings) == [{"a": "y"}]
