"""Rows for tests: a test names the columns that matter, the contract supplies the others. And what is stored."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.arrow_types import arrow_schema, arrow_type
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.oracle.compare import delta_rows

INGESTED = datetime(2018, 11, 1)
# Text that casts, for the columns of bronze tables that silver casts.
VALID_TEXT = {
    "order_status": "delivered",
    "order_purchase_timestamp": "2018-01-01 10:00:00",
    "order_approved_at": "2018-01-01 11:00:00",
    "order_delivered_carrier_date": "2018-01-03 09:00:00",
    "order_delivered_customer_date": "2018-01-08 15:00:00",
    "order_estimated_delivery_date": "2018-01-10 00:00:00",
    "order_item_id": "1",
    "shipping_limit_date": "2018-01-04 10:00:00",
    "price": "10.00",
    "freight_value": "2.50",
    "payment_sequential": "1",
    "payment_type": "credit_card",
    "payment_installments": "1",
    "payment_value": "12.50",
    "review_score": "5",
    "review_creation_date": "2018-01-09 00:00:00",
    "review_answer_timestamp": "2018-01-10 12:00:00",
    **dict.fromkeys(("customer_zip_code_prefix", "seller_zip_code_prefix", "geolocation_zip_code_prefix"), "01310"),
    **dict.fromkeys(("customer_state", "seller_state", "geolocation_state"), "SP"),
    **dict.fromkeys(SOURCES["products"].types, "10"),
    "geolocation_lat": "-23.5",
    "geolocation_lng": "-46.6",
    "_corrupt_record": None,
}
VALID_BY_TYPE: dict[str, Any] = {
    "string": "x",
    "int": 1,
    "bigint": 1,
    "double": 1.0,
    "date": date(2018, 1, 1),
    "timestamp": INGESTED,
    "array<string>": ["x"],
}


def arrow_rows(table: Table, *rows: dict[str, Any]) -> pa.Table:
    """Rows of a table; columns that a row does not name get a valid value. Raises AssertionError for unknown ones."""
    for row in rows:
        assert set(row) <= set(table.column_names), f"{table.name} has no {set(row) - set(table.column_names)}"
    values = {c.name: [row[c.name] if c.name in row else _valid(c, table) for row in rows] for c in table.columns}
    # As in a frame: a required column without a value is for the writer to refuse.
    fields = [pa.field(c.name, arrow_type(c.type)) for c in table.columns]
    return pa.table(values, schema=pa.schema(fields))


def frame(spark: SparkSession, table: Table, *rows: dict[str, Any]) -> DataFrame:
    """The rows of `arrow_rows` as a frame."""
    schema = StructType.fromDDL(", ".join(f"`{c.name}` {c.type}" for c in table.columns))
    assert isinstance(schema, StructType)
    # From Arrow the rows become part of the plan; rows of Python objects would need a Python process to read them.
    return spark.createDataFrame(arrow_rows(table, *rows), schema)


def store(warehouse: Warehouse, table: Table, *rows: dict[str, Any]) -> None:
    """Write rows into a table's place without its asset and without Spark: what a check must judge."""
    path = str(warehouse.path(table.name))
    if not DeltaTable.is_deltatable(path):
        # As the platform's writer: a commit that only creates the table comes first.
        DeltaTable.create(path, arrow_schema(table), name=table.name)
    write_deltalake(path, arrow_rows(table, *rows).cast(arrow_schema(table)), mode="overwrite")


def _valid(column: Column, table: Table) -> Any:
    if table.layer == "bronze" and column.name in VALID_TEXT:
        return VALID_TEXT[column.name]
    if column.nullable and table.layer != "bronze":
        return None
    return VALID_BY_TYPE.get(column.type, Decimal("1.00"))


def only(result: DataFrame) -> Any:
    """The only row of a frame."""
    (row,) = result.collect()
    return row


def stored_rows(warehouse: Warehouse, name: str) -> list[str]:
    """All rows of a stored table as text, sorted and without volatile columns: equal where the tables are."""
    dropped = list(warehouse.catalog.table(name).volatile)
    rows = delta_rows(warehouse.open(name)).drop_columns(dropped)
    return sorted(map(repr, rows.to_pylist()))
