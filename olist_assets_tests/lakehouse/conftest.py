"""silver_orders with a creating commit and two versions of rows, written without Spark."""

import os
import time
from typing import Literal

import pytest
from deltalake import DeltaTable, write_deltalake

from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.commit_metadata import commit_properties, user_metadata
from olist_assets.lakehouse.delta_log import log_folder
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.lakehouse.versions import FIELDS, FIRST, NAME, SECOND, OrderRow, order_rows

Mode = Literal["overwrite", "append"]


def write(warehouse: Warehouse, rows: list[OrderRow], metadata: str, mode: Mode = "overwrite") -> None:
    """One commit with these orders and metadata."""
    path = str(warehouse.path(NAME))
    if not DeltaTable.is_deltatable(path):
        DeltaTable.create(path, arrow_schema(SILVER_ORDERS), name=NAME)
    properties = commit_properties(metadata)
    write_deltalake(path, order_rows(rows), mode=mode, commit_properties=properties)


@pytest.fixture
def versions(warehouse: Warehouse) -> Warehouse:
    """Created at version 0, FIRST at version 1, SECOND at version 2; the log's files are newer than its commits."""
    write(warehouse, FIRST, user_metadata())
    write(warehouse, SECOND, user_metadata(**FIELDS))
    later = time.time() + 3600
    for file in log_folder(warehouse.path(NAME)).iterdir():
        os.utime(file, (later, later))
    return warehouse


@pytest.fixture
def third(versions: Warehouse) -> Warehouse:
    """A version 3 with one order more."""
    write(versions, [("z", 9, 1)], user_metadata(), mode="append")
    return versions
