"""The assets of monitoring, materialized by Dagster without a JVM, and a table to observe."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.definitions import resources
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.assets import asset_of, daily_partitions

Materialize = Callable[..., bool]


@pytest.fixture
def materialize(warehouse: Warehouse) -> Materialize:
    """Materialize the assets of marked functions and other assets; returns whether all succeeded."""

    def run(*functions: Any, instance: dg.DagsterInstance | None = None) -> bool:
        days = daily_partitions(PUBLISHED)
        assets = [f if isinstance(f, dg.AssetsDefinition) else asset_of(f, days) for f in functions]
        by_key = resources(warehouse, PUBLISHED)
        return dg.materialize(assets, instance=instance, resources=by_key, raise_on_error=False).success

    return run


@pytest.fixture
def write_orders(warehouse: Warehouse) -> Callable[[int], None]:
    """Write a version of silver_orders with a number of rows, the first of them without an id."""

    def write(rows: int) -> None:
        ids = [None, *map(str, range(rows - 1))]
        write_deltalake(str(warehouse.path("silver_orders")), pa.table({"order_id": ids}), mode="overwrite")

    return write
