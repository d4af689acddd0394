"""First and last day of purchase in the orders file."""

import duckdb

from olist_assets.contracts.calendar import MAX_DAYS, Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.contracts.source_values import plausible_day
from olist_assets.errors import OlistError
from olist_assets.settings import Settings
from olist_assets.source.csv_file import RECORD, shown, source_file

ORDERS = SOURCES["orders"]
PURCHASED = "order_purchase_timestamp"


def source_calendar(con: duckdb.DuckDBPyConnection, settings: Settings) -> Calendar:
    """The days of the orders file. Raises OlistError without a plausible day, or for implausibly many."""
    calendar = plausible_days(con, settings)
    if calendar is None:
        raise OlistError(
            f"{shown(settings, ORDERS)} has no order with a valid {PURCHASED}, written like 2017-10-02 10:56:33."
        )
    return calendar


def plausible_days(con: duckdb.DuckDBPyConnection, settings: Settings) -> Calendar | None:
    """The days from the first to the last plausible purchase of any status; None without one.

    Raises OlistError for more than MAX_DAYS, with the record that lies furthest from the others.
    """
    file = source_file(settings, ORDERS)
    if PURCHASED not in file.header:
        raise OlistError(f"{shown(settings, ORDERS)} has no column {PURCHASED}.")
    orders = f"SELECT {RECORD}, {plausible_day(PURCHASED, 'now()')} AS day FROM {file.numbered_sql}"
    query = (
        f"SELECT min(day), max(day), quantile_disc(day, 0.5), arg_min({RECORD}, day), arg_max({RECORD}, day) "
        f"FROM ({orders})"
    )
    row = con.execute(query).fetchone()
    if row is None or row[0] is None:
        return None
    first, last, middle, earliest, latest = row
    if (last - first).days >= MAX_DAYS:
        record = earliest if middle - first > last - middle else latest
        raise OlistError(
            f"{shown(settings, ORDERS)} has purchases from {first} to {last}, more than {MAX_DAYS:,} days. Record "
            f"{record} lies furthest from the others: correct its {PURCHASED}, or set OLIST_DAYS."
        )
    return Calendar(first, last)
