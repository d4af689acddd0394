"""Assets that write and read one table through the IO manager, and rows for them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession

from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.table import Table
from olist_assets.engine.choice import engine_of
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.engine.write_plan import Span
from olist_assets.lakehouse.commit_metadata import read_user_metadata
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.assets import daily_partitions
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.rows import frame

DAYS = daily_partitions(PUBLISHED)
FIELDS = {"run_id": "a-run"}
"""The fields of commits that a test writes without a run."""


def io_manager(warehouse: Warehouse, *, allow_change: bool = False) -> DeltaIOManager:
    """The IO manager of a run; Spark must be running, and is found."""
    return DeltaIOManager(
        warehouse=warehouse,
        engine=engine_of(warehouse.settings),
        schema_policy=SchemaPolicy(allow_change=allow_change),
        calendar=PUBLISHED,
    )


def materialize(
    manager: DeltaIOManager, table: Table, rows: DataFrame | pa.Table, days: str | None = None
) -> dg.ExecuteInProcessResult:
    """Write rows as the asset of a table does, of a daily one for a day or a span A..B."""

    @dg.asset(
        key=table.name,
        partitions_def=DAYS if table.day else None,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version="version 7",
    )
    def written() -> object:
        return rows

    first, last = (days.split("..") * 2)[:2] if days else ("", "")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last} if days else {}
    return dg.materialize([written], resources={"io_manager": manager}, tags=tags)


def read(manager: DeltaIOManager, table: Table, day: str | None = None) -> list[Row]:
    """The rows that a downstream asset receives, in a run of one day or in one without days."""
    received: list[Row] = []

    @dg.asset(partitions_def=DAYS if day else None, ins={"upstream": dg.AssetIn(key=table.name)}, io_manager_key="none")
    def reader(upstream) -> None:
        received.extend(upstream.collect())

    source = dg.AssetSpec(table.name, partitions_def=DAYS if table.day else None).with_io_manager_key("io_manager")
    dg.materialize(
        [reader, source],
        resources={"io_manager": manager, "none": dg.mem_io_manager},
        partition_key=day,
        selection=[reader],
    )
    return received


def span(first: str, last: str | None = None) -> Span:
    """The days of a daily table of orders from the first to the last, both included."""
    end = date.fromisoformat(last or first) + timedelta(1)
    return Span("order_date", date.fromisoformat(first), end)


def orders(spark: SparkSession, *ids_and_days: tuple[str | None, str]) -> DataFrame:
    """Rows of silver_orders."""
    rows = [
        {"order_id": id_, "order_date": date.fromisoformat(day), "order_purchase_timestamp": datetime(2018, 1, 1)}
        for id_, day in ids_and_days
    ]
    return frame(spark, SILVER_ORDERS, *rows)


def stored_orders(warehouse: Warehouse) -> set[tuple[str, str]]:
    """Id and day of the stored rows of silver_orders."""
    rows = warehouse.open(SILVER_ORDERS.name).to_pyarrow_table().to_pylist()
    found = [(row["order_id"], row["order_date"].isoformat()) for row in rows]
    assert len(found) == len(set(found)), "an order is stored twice on one day"
    return set(found)


def rows_by_partition(result: dg.ExecuteInProcessResult, table: Table) -> Mapping[Any, Any]:
    """The rows of each day that a run reported."""
    return {
        each.partition: each.metadata["dagster/partition_row_count"].value
        for each in result.asset_materializations_for_node(table.name)
    }


def commit_fields(warehouse: Warehouse, name: str) -> dict[str, Any]:
    """The platform's own fields of a table's newest commit."""
    return read_user_metadata(warehouse.open(name).history(1)[0].get("userMetadata"))
