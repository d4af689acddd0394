"""A function over Arrow rows is one commit like any other: with the contract's columns, checked, on both engines."""

from datetime import date

import dagster as dg
import pyarrow as pa
import pytest

from olist_assets.contracts.marks import table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.lakehouse.arrow_sql import query
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets.orchestration.assets import asset_of
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import DAYS, materialize, orders
from olist_assets_tests.rows import arrow_rows

pytestmark = pytest.mark.engines

ORDERS_BY_DAY = Table(
    name="gold_segment_profiles",
    grain="One row per day.",
    key=("order_date",),
    columns=(Column("order_date", "date", "Day of the orders."), Column("orders", "bigint", "Orders of the day.")),
)


@table_asset(ORDERS_BY_DAY)
def gold_segment_profiles(silver_orders: pa.Table) -> pa.Table:
    return query("SELECT order_date, count(*) AS orders FROM silver_orders GROUP BY ALL", silver_orders=silver_orders)


def run(manager, warehouse) -> dg.ExecuteInProcessResult:
    upstream = dg.AssetSpec("silver_orders", partitions_def=DAYS).with_io_manager_key("io_manager")
    asset = asset_of(gold_segment_profiles, DAYS)
    return dg.materialize([asset, upstream], resources={"io_manager": manager}, selection=[asset])


def test_a_function_over_arrow_rows_gets_and_returns_all_of_them(spark, manager, warehouse, monkeypatch):
    monkeypatch.setitem(warehouse.catalog.tables, ORDERS_BY_DAY.name, ORDERS_BY_DAY)
    rows = orders(spark, ("a", "2018-01-01"), ("b", "2018-01-01"), ("c", "2018-01-03"))
    materialize(manager, SILVER_ORDERS, rows, "2018-01-01..2018-01-05")
    result = run(manager, warehouse)
    (written,) = result.asset_materializations_for_node(ORDERS_BY_DAY.name)
    assert written.metadata["dagster/row_count"].value == 2
    stored = warehouse.rows(warehouse.open(ORDERS_BY_DAY.name)).sort_by("order_date").to_pylist()
    assert stored == [{"order_date": date(2018, 1, 1), "orders": 2}, {"order_date": date(2018, 1, 3), "orders": 1}]


def test_a_missing_upstream_table_is_named(manager, warehouse):
    with pytest.raises(TableMissing, match="silver_orders"):
        run(manager, warehouse)


def test_arrow_rows_are_held_to_the_contract(manager, warehouse):
    rows = arrow_rows(GOLD_SEGMENT_PROFILES, {"segment": "a"})
    materialize(manager, GOLD_SEGMENT_PROFILES, rows)
    before = warehouse.open(GOLD_SEGMENT_PROFILES.name).version()
    with pytest.raises(Exception, match=r"missing segment string"):
        materialize(manager, GOLD_SEGMENT_PROFILES, rows.drop_columns(["segment"]))
    null = arrow_rows(GOLD_SEGMENT_PROFILES, {"segment": None})
    with pytest.raises(Exception, match=r"gold_segment_profiles.segment is required"):
        materialize(manager, GOLD_SEGMENT_PROFILES, null)
    assert warehouse.open(GOLD_SEGMENT_PROFILES.name).version() == before


def test_no_arrow_rows_are_an_empty_table(manager, warehouse):
    materialize(manager, GOLD_SEGMENT_PROFILES, arrow_schema(GOLD_SEGMENT_PROFILES).empty_table())
    assert warehouse.rows(warehouse.open(GOLD_SEGMENT_PROFILES.name)).num_rows == 0
