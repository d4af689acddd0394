"""Frames for tests: a test names the columns that matter, the contract supplies the others. And what is stored."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.contracts.table import Column, Table
from olist_assets.settings import Settings
from olist_assets_tests.oracle.compare import delta_rows

INGESTED = datetime(2018, 11, 1)
# Text that casts, for the columns of bronze tables that silver types.
SOUND_TEXT = {
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
    "geolocation_lat": "-23.5",
    "geolocation_lng": "-46.6",
    "_corrupt_record": None,
}
EMPTY_BY_TYPE: dict[str, Any] = {
    "string": "x",
    "int": 1,
    "double": 1.0,
    "date": date(2018, 1, 1),
    "timestamp": INGESTED,
    "array<string>": ["x"],
}


def frame(spark: SparkSession, table: Table, *rows: dict[str, Any]) -> DataFrame:
    """Rows of a table; columns a row does not name get a sound value. Raises AssertionError for unknown ones."""
    for row in rows:
        assert set(row) <= set(table.column_names), f"{table.name} has no {set(row) - set(table.column_names)}"
    schema = StructType.fromDDL(", ".join(f"`{c.name}` {c.type}" for c in table.columns))
    assert isinstance(schema, StructType)
    values = {c.name: [row[c.name] if c.name in row else _sound(c, table) for row in rows] for c in table.columns}
    # By way of Arrow the rows are part of the plan: rows of Python objects would need a Python process to read them.
    return spark.createDataFrame(pa.table(values, schema=to_arrow_schema(schema, timezone="UTC")), schema)


def _sound(column: Column, table: Table) -> Any:
    if table.layer == "bronze" and column.name in SOUND_TEXT:
        return SOUND_TEXT[column.name]
    if column.nullable and table.layer != "bronze":
        return None
    return EMPTY_BY_TYPE.get(column.type, Decimal("1.00"))


def only(result: DataFrame) -> Any:
    """The one row of a frame."""
    (row,) = result.collect()
    return row


def stored_rows(settings: Settings, name: str) -> list[str]:
    """All rows of a stored table as text, sorted: equal where the tables are, whatever the order of writing."""
    dropped = [c for c in ("ingestion_timestamp", "scored_at", "mlflow_run_id") if c in tables()[name].column_names]
    rows = delta_rows(lakehouse.open_table(settings, name)).drop_columns(dropped)
    return sorted(map(repr, rows.to_pylist()))
