"""The contract is enforced by the write: a frame that differs is refused, and the last version stays."""

from dataclasses import replace

import pytest
from pyspark.errors import PySparkException

from olist_assets.contracts.table import Column, Table
from olist_assets.engine.delta_writer import ContractViolation, DeltaWriter, conformed, readable_errors, sorted_by_day
from olist_assets.engine.write_plan import Write
from olist_assets.errors import OlistError
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import FIELDS, commit_fields, materialize, orders, span, stored_orders
from olist_assets_tests.rows import frame

SMALL = Table(name="gold_small", grain="g", key=("a",), columns=(Column("a", "string", "A."), Column("b", "int", "B.")))


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ("a string", ["missing b int"]),
        ("a string, b int, c int", ["unexpected c"]),
        ("a string, b bigint", ["b is bigint, not int"]),
        ("b string", ["missing a string", "b is string, not int"]),
    ],
)
def test_a_frame_that_differs_from_its_contract_is_refused_with_every_difference(spark, columns, named):
    with pytest.raises(ContractViolation) as caught:
        conformed(spark.createDataFrame([], columns), SMALL)
    assert all(difference in str(caught.value) for difference in named)
    assert str(caught.value).startswith("gold_small differs from its contract")
    assert "Nothing was written" in str(caught.value)


def test_a_refused_frame_writes_nothing(spark, manager, warehouse):
    with pytest.raises(ContractViolation, match="missing b int"):
        manager.store(spark.createDataFrame([], "a string"), SMALL, None, FIELDS)
    assert not warehouse.path(SMALL.name).exists()


def test_columns_are_put_into_the_contracts_order(spark):
    assert conformed(spark.createDataFrame([], "b int, a string"), SMALL).columns == ["a", "b"]


def test_a_daily_tables_rows_are_one_partition_sorted_by_day_and_key_and_others_stay_as_they_are(spark):
    rows = orders(spark, ("b", "2018-01-02"), ("z", "2018-01-01"), ("a", "2018-01-02")).repartition(3)
    ordered = sorted_by_day(rows, SILVER_ORDERS)
    assert ordered.rdd.getNumPartitions() == 1
    assert [row.order_id for row in ordered.collect()] == ["z", "a", "b"]
    assert sorted_by_day(rows, replace(SILVER_ORDERS, day=None)) is rows


def test_a_null_in_a_required_column_stops_the_write_and_the_last_version_stays(spark, manager, warehouse):
    materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01")
    with pytest.raises(ContractViolation, match=r"silver_orders\.order_id is required and a row has none. Nothing"):
        materialize(manager, SILVER_ORDERS, orders(spark, (None, "2018-01-01")), "2018-01-01")
    assert stored_orders(warehouse) == {("a", "2018-01-01")}
    assert warehouse.open(SILVER_ORDERS.name).version() == 1


def test_a_failed_first_write_leaves_no_table_and_the_next_write_makes_it(spark, manager, warehouse):
    with pytest.raises(ContractViolation, match=r"silver_orders\.order_id is required"):
        materialize(manager, SILVER_ORDERS, orders(spark, (None, "2018-01-01")), "2018-01-01")
    with pytest.raises(TableMissing):
        warehouse.open(SILVER_ORDERS.name)
    materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01")
    assert stored_orders(warehouse) == {("a", "2018-01-01")}


def test_a_predicate_limits_what_a_write_replaces_and_the_commit_has_its_metadata(spark, manager, warehouse):
    manager.store(
        orders(spark, ("a", "2018-01-01"), ("b", "2018-01-02")), SILVER_ORDERS, span("2018-01-01", "2018-01-02"), FIELDS
    )
    stored = shape(warehouse.open(SILVER_ORDERS.name))
    writer = DeltaWriter(spark, warehouse.path(SILVER_ORDERS.name), SILVER_ORDERS)
    write = Write(orders(spark, ("c", "2018-01-02")), span("2018-01-02").predicate)
    writer.write(write, schema_change(stored, SILVER_ORDERS), user_metadata(run_id="another"))
    assert stored_orders(warehouse) == {("a", "2018-01-01"), ("c", "2018-01-02")}
    assert commit_fields(warehouse, SILVER_ORDERS.name)["run_id"] == "another"


def test_a_first_write_ignores_the_predicate(spark, warehouse):
    writer = DeltaWriter(spark, warehouse.path(SILVER_ORDERS.name), SILVER_ORDERS)
    writer.write(Write(orders(spark, ("a", "2018-01-01")), span("2018-01-01").predicate), None, user_metadata())
    assert stored_orders(warehouse) == {("a", "2018-01-01")}


def test_deletion_vectors_are_off_so_that_deltalake_reads_the_table(spark, manager, warehouse):
    manager.store(frame(spark, SMALL, {"a": "x", "b": 1}), SMALL, None, FIELDS)
    assert warehouse.open(SMALL.name).metadata().configuration["delta.enableDeletionVectors"] == "false"


def test_a_full_disk_and_a_refused_null_are_errors_of_one_line_and_any_other_stays_as_it_is():
    def raised(text: str) -> Exception:
        with pytest.raises(Exception) as caught, readable_errors(SMALL):  # noqa: PT011
            raise PySparkException(text)
        return caught.value

    full = raised("Job aborted.\nCaused by: java.io.IOException: No space left on device\n\tat java.base/...")
    assert type(full) is OlistError
    assert str(full) == "No space left on device: gold_small is unchanged. Make room and run again."
    null = raised("[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: a.\n\tat org.apache")
    assert isinstance(null, ContractViolation)
    assert str(null) == "gold_small.a is required and a row has none. Nothing was written."
    assert type(raised("something else")) is PySparkException
