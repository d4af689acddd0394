"""The rows of two versions of silver_orders, and how tests look at its log."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.delta_log import log_folder
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.rows import arrow_rows

OrderRow = tuple[str, int, int | None]
"""An order: its id, the day of January 2018, and the days to its delivery."""

NAME = SILVER_ORDERS.name
RUN = "0a1b2c3d-aaaa-bbbb-cccc-000000000000"
FIELDS: dict[str, Any] = {"run_id": RUN, "partitions": "2018-01-01..2018-01-04", "refreshed": "2018-02-01"}
FIRST: list[OrderRow] = [("a", 1, None), ("b", 2, 5), ("c", 3, 5)]
SECOND: list[OrderRow] = [("a", 1, None), ("b", 2, None), ("d", 4, 5), ("e", 4, 5)]


def as_columns(rows: list[OrderRow]) -> list[dict[str, Any]]:
    return [
        {"order_id": id_, "order_date": date(2018, 1, day), "delivery_days": days, "customer_id": "x"}
        for id_, day, days in rows
    ]


def order_rows(rows: list[OrderRow]) -> pa.Table:
    return arrow_rows(SILVER_ORDERS, *as_columns(rows)).cast(arrow_schema(SILVER_ORDERS))


def ids(warehouse: Warehouse, version: int | None = None) -> list[str]:
    """The ids of the stored orders, sorted."""
    return sorted(warehouse.open(NAME, version).to_pyarrow_table()["order_id"].to_pylist())


def log_file(warehouse: Warehouse, version: int, suffix: str = "json") -> Path:
    return log_folder(warehouse.path(NAME)) / f"{version:020}.{suffix}"


def rewrite_info(path: Path, info: dict[str, Any] | None) -> None:
    """Give a commit the commitInfo of another writer, or with None no commitInfo."""
    actions = [line for line in path.read_text().splitlines() if "commitInfo" not in json.loads(line)]
    first = [json.dumps({"commitInfo": info})] if info is not None else []
    path.write_text("\n".join([*first, *actions]) + "\n")


def one_line(text: str) -> str:
    return " ".join(text.split())
