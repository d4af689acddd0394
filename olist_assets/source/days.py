"""First and last day of purchase in the orders file."""

from pathlib import Path

import duckdb

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.source.dialect import duckdb_csv


def source_calendar(con: duckdb.DuckDBPyConnection, folder: Path) -> Calendar:
    """The days of the orders file in a folder. Raises OlistError where it has no order with a valid time."""
    path = folder / SOURCES["orders"].name
    days = f"SELECT TRY_CAST(order_purchase_timestamp AS DATE) AS day FROM {duckdb_csv(path)}"
    try:
        first, last = con.execute(f"SELECT min(day), max(day) FROM ({days})").fetchall()[0]
    except duckdb.Error as error:
        raise OlistError(f"{path} cannot be read: {error}") from error
    if first is None:
        raise OlistError(f"{path} has no order with a valid order_purchase_timestamp.")
    return Calendar(first, last)
