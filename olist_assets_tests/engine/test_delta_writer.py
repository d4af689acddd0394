"""The contract is enforced by the write: a frame that differs is refused, and the last version stays."""

import pytest

from olist_assets.contracts.table import Column, Table
from olist_assets.engine.conformance import ContractViolation, conformed
from olist_assets.engine.write_plan import Write
from olist_assets.lakehouse.commit_metadata import user_metadata
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import FIELDS, commit_fields, materialize, orders, span, stored_orders

pytestmark = pytest.mark.engines
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


def test_a_null_in_a_required_column_stops_the_write_and_the_last_version_stays(spark, manager, warehouse):
    materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01")
    with pytest.raises(ContractViolation, match=r"silver_orders\.order_id is required and a row has none. Nothing"):
        materialize(manager, SILVER_ORDERS, orders(spark, (None, "2018-01-01")), "2018-01-01")
    assert stored_orders(warehouse) == {("a", "2018-01-01")}


def test_a_failed_first_write_leaves_no_table_and_the_next_write_makes_it(spark, manager, warehouse):
    with pytest.raises(ContractViolation, match=r"silver_orders\.order_id is required"):
        materialize(manager, SILVER_ORDERS, orders(spark, (None, "2018-01-01")), "2018-01-01")
    with pytest.raises(TableMissing):
        warehouse.open(SILVER_ORDERS.name)
    materialize(manager, SILVER_ORDERS, orders(spark, ("a", "2018-01-01")), "2018-01-01")
    assert stored_orders(warehouse) == {("a", "2018-01-01")}


def test_a_predicate_limits_what_a_write_replaces_and_the_commit_has_its_metadata(spark, manager, engine, warehouse):
    manager.store(
        orders(spark, ("a", "2018-01-01"), ("b", "2018-01-02")), SILVER_ORDERS, span("2018-01-01", "2018-01-02"), FIELDS
    )
    stored = shape(warehouse.open(SILVER_ORDERS.name))
    write = Write(orders(spark, ("c", "2018-01-02")), span("2018-01-02").predicate)
    change = schema_change(stored, SILVER_ORDERS)
    engine.write(warehouse.path(SILVER_ORDERS.name), SILVER_ORDERS, write, change, user_metadata(run_id="another"))
    assert stored_orders(warehouse) == {("a", "2018-01-01"), ("c", "2018-01-02")}
    assert commit_fields(warehouse, SILVER_ORDERS.name)["run_id"] == "another"


def test_a_first_write_ignores_the_predicate(spark, engine, warehouse):
    write = Write(orders(spark, ("a", "2018-01-01")), span("2018-01-01").predicate)
    engine.write(warehouse.path(SILVER_ORDERS.name), SILVER_ORDERS, write, None, user_metadata())
    assert stored_orders(warehouse) == {("a", "2018-01-01")}
