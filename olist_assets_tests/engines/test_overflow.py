"""Sums that do not fit their column stop the run on both engines, with nothing written.

Sail adds BIGINTs without a check, where Spark raises. No table has such a column: of INT columns both engines make
BIGINT sums, which fit for billions of rows, and the cast of the sum to its column's type raises on both.
"""

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.catalog import catalog
from olist_assets.contracts.source_files import SEQUENCE
from olist_assets.contracts.table import Table
from olist_assets.gold.gold_customer_metrics import orders_by_customer
from olist_assets.gold.gold_daily_metrics import orders_by_day
from olist_assets.silver.silver_order_payments import silver_order_payments
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets_tests.rows import frame

MAX_INT, MAX_MONEY = 2**31 - 1, "9999999999.99"
Sums = Callable[[DataFrame], DataFrame]


def test_no_table_has_a_column_whose_sum_could_overflow_unseen():
    columns = [column for table in catalog().business_tables.values() for column in table.columns]
    # A sequence number is compared, never added.
    assert {column.name for column in columns if column.type == "bigint"} <= {SEQUENCE}
    assert "int" in {column.type for column in columns}


@pytest.mark.engines
@pytest.mark.parametrize(
    ("sums", "table", "large", "small"),
    [
        (orders_by_day, SILVER_ORDERS_MASTER, {"items_count": MAX_INT}, {"items_count": 0}),
        (orders_by_customer, SILVER_ORDERS_MASTER, {"items_count": MAX_INT}, {"items_count": 0}),
        (silver_order_payments, BRONZE["order_payments"], {"payment_value": MAX_MONEY}, {"payment_value": "0"}),
    ],
)
def test_a_sum_that_does_not_fit_its_column_raises(
    spark, sums: Sums, table: Table, large: dict[str, Any], small: dict[str, Any]
):
    number = "payment_sequential" if table.layer == "bronze" else "order_id"
    one: dict[str, Any] = {number: "1"}
    two: dict[str, Any] = {number: "2"}
    assert len(sums(frame(spark, table, one | large, two | small)).collect()) == 1
    with pytest.raises(PySparkException, match=r"(?i)cast|too large|cannot be represented"):
        sums(frame(spark, table, one | large, two | large)).collect()
