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
    orders = (
        f"SELECT 'Record ' || {RECORD} AS place, {plausible_day(PURCHASED, 'now()')} AS day FROM {file.numbered_sql}"
    )
    return days_in(con, orders, shown(settings, ORDERS))


def days_in(con: duckdb.DuckDBPyConnection, orders: str, where: str) -> Calendar | None:
    """The days from the first to the last of orders, a query of the `day` and the `place` of each; None without one.

    Raises OlistError for more than MAX_DAYS, with the place of the order that lies furthest from the others.
    """
    query = (
        f"SELECT min(day), max(day), quantile_disc(day, 0.5), arg_min(place, day), arg_max(place, day) FROM ({orders})"
    )
    row = con.execute(query).fetchone()
    if row is None or row[0] is None:
        return None
    first, last, middle, earliest, latest = row
    if (last - first).days >= MAX_DAYS:
        place = earliest if middle - first > last - middle else latest
        raise OlistError(
            f"{where} has purchases from {first} to {last}, more than {MAX_DAYS:,} days. {place} lies furthest from "
            f"the others: correct its {PURCHASED}, or set OLIST_DAYS."
        )
    return Calendar(first, last)
