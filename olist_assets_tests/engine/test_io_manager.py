"""A write is one commit of the contract's columns with the run's metadata; a read is the run's days."""

import pytest

from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import commit_fields, materialize, orders, read
from olist_assets_tests.rows import frame

pytestmark = pytest.mark.engines


def test_a_table_is_stored_as_in_its_contract(spark, manager: DeltaIOManager, warehouse):
    materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01")
    fields = {f.name: f for f in warehouse.open(SILVER_ORDERS.name).schema().fields}
    assert list(fields) == list(SILVER_ORDERS.column_names)
    for column in SILVER_ORDERS.columns:
        assert fields[column.name].nullable == column.nullable
        assert fields[column.name].metadata["comment"] == column.description


def test_a_table_without_days_is_replaced_as_a_whole_in_one_commit(spark, manager, warehouse):
    versions = []
    for names in (("a", "b"), ("c",)):
        rows = frame(spark, GOLD_SEGMENT_PROFILES, *({"segment": name} for name in names))
        materialize(manager, GOLD_SEGMENT_PROFILES, rows)
        versions.append(warehouse.open(GOLD_SEGMENT_PROFILES.name).version())
    table = warehouse.open(GOLD_SEGMENT_PROFILES.name)
    assert [row["segment"] for row in table.to_pyarrow_table().to_pylist()] == ["c"]
    assert versions[1] == versions[0] + 1


def test_the_commit_and_dagster_have_the_run_its_partitions_and_the_code_version(spark, manager, warehouse):
    result = materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01..2018-01-05")
    assert commit_fields(warehouse, SILVER_ORDERS.name) == {
        "run_id": result.run_id, "partitions": "2018-01-01..2018-01-05", "code_version": "version 7",
    }  # fmt: skip
    materialized = result.asset_materializations_for_node(SILVER_ORDERS.name)
    assert len(materialized) == 5
    assert {each.tags["dagster/code_version"] for each in materialized if each.tags} == {"version 7"}


def test_the_commit_of_one_day_names_that_day(spark, manager, warehouse):
    materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01")
    assert commit_fields(warehouse, SILVER_ORDERS.name)["partitions"] == "2018-01-01"


def test_dagster_has_the_size_and_version_of_what_was_written(spark, manager, warehouse):
    rows = frame(spark, GOLD_SEGMENT_PROFILES, {"segment": "a"}, {"segment": "b"})
    (written,) = materialize(manager, GOLD_SEGMENT_PROFILES, rows).asset_materializations_for_node(
        GOLD_SEGMENT_PROFILES.name
    )
    metadata = {name: value.value for name, value in written.metadata.items()}
    table = warehouse.open(GOLD_SEGMENT_PROFILES.name)
    files = list(warehouse.path(GOLD_SEGMENT_PROFILES.name).glob("*.parquet"))
    assert metadata["dagster/row_count"] == 2
    assert metadata["delta_version"] == table.version()
    assert (metadata["files"], metadata["bytes"]) == (len(files), sum(file.stat().st_size for file in files))
    assert metadata["path"] == str(warehouse.path(GOLD_SEGMENT_PROFILES.name))


def test_a_run_of_one_day_reads_only_that_day_upstream_and_a_run_without_days_reads_all(spark, manager):
    rows = orders(spark, ("a", "2018-01-01"), ("b", "2018-01-02"))
    materialize(manager, SILVER_ORDERS, rows, "2018-01-01..2018-01-02")
    assert [row.order_id for row in read(manager, SILVER_ORDERS, "2018-01-02")] == ["b"]
    assert sorted(row.order_id for row in read(manager, SILVER_ORDERS)) == ["a", "b"]


def test_a_missing_table_is_named_with_the_command_that_makes_it(manager):
    with pytest.raises(TableMissing, match="olist materialize --select silver_orders"):
        read(manager, SILVER_ORDERS)
