"""The nine files as events: what a shop's systems would have sent, in the order of the times in the files.

An order is several events, from its purchase to its delivery; each carries what was known at its time. The last event
of a key carries its record exactly as in the file, also where times are missing, cannot be read or are in disorder.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import duckdb

from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.source_files import SOURCES
from olist_assets.settings import Settings
from olist_assets.source.csv_file import RECORD, CsvFile
from olist_assets.source.drift import checked_file

CREATED, UPDATED = "c", "u"
# The columns of times at which a record changes, and what its status was until the next of them.
STAGES = {
    "orders": (
        ("order_purchase_timestamp", "created"),
        ("order_approved_at", "approved"),
        ("order_delivered_carrier_date", "shipped"),
        ("order_delivered_customer_date", None),
    ),
    "order_reviews": (("review_creation_date", None), ("review_answer_timestamp", None)),
}
STATUS = "order_status"
# Records that come into being with an order, and the column that names it.
WITH_ORDER = {"order_items": "order_id", "order_payments": "order_id", "customers": "customer_id"}
ROWS_AT_ONCE = 10_000


class Event(NamedTuple):
    """An event of a table, or a record that does not parse, which is sent as it is: without `op` and `after`."""

    table: str
    seconds: float
    """When it happened, in seconds since 1970."""
    ts: str
    op: str | None
    key: str | None
    after: str
    """The record as JSON; the text of a record that does not parse."""
    seq: int


def order_events(con: duckdb.DuckDBPyConnection, settings: Settings, tables: Sequence[str]) -> Iterator[Event]:
    """The events of these tables in the order of their times; the same data and tables give the same numbers.

    Ties are ordered by table, then by record. Raises OlistError for a file that cannot be read.
    """
    orders, _ = checked_file(con, settings, SOURCES["orders"])
    moment = _time("order_purchase_timestamp")
    purchases = f"SELECT order_id, customer_id, {moment} AS happened FROM {orders.numbered_sql}"
    con.execute(f"CREATE TEMP TABLE purchases AS {purchases}").fetchall()
    # A second earlier than all orders, which need the records without a time.
    earliest = "SELECT coalesce(min(happened), TIMESTAMP '2016-01-01') - INTERVAL 1 SECOND FROM purchases"
    con.execute(f"SET VARIABLE earliest = ({earliest})").fetchall()
    parts: list[str] = []
    for number, table in enumerate(name for name in SOURCES if name in tables):
        file, _ = checked_file(con, settings, SOURCES[table])
        misfits = f"misfits_{table}"
        texts = [list(file.misfits)]
        con.execute(f"CREATE TEMP TABLE {misfits} AS SELECT unnest(CAST(? AS VARCHAR[])) AS text", texts).fetchall()
        unread = (
            f"SELECT {file.records} AS record, 0 AS stage, getvariable('earliest') AS happened, NULL AS op, "
            f"NULL AS key, text AS after FROM {misfits}"
        )
        for sql in (*_events(table, file), unread):
            parts.append(f"SELECT {number} AS number, {literal(table)} AS table_name, * FROM ({sql})")
    con.execute(
        "SELECT table_name, epoch(happened), strftime(happened, '%Y-%m-%d %H:%M:%S'), op, key, after FROM "
        f"({' UNION ALL '.join(parts)}) ORDER BY happened, number, record, stage, after"
    )
    rows = iter(lambda: con.fetchmany(ROWS_AT_ONCE), [])
    for seq, (table, seconds, ts, op, key, after) in enumerate(chain.from_iterable(rows), 1):
        has_own_key = bool(SOURCES[table].key) or op is None
        yield Event(table, seconds, ts, op, key if has_own_key else str(seq), after, seq)


def _events(table: str, file: CsvFile) -> Iterator[str]:
    """The queries for the events of a file's records."""
    if table in STAGES:
        yield from _staged(table, file)
        return
    at, records = "getvariable('earliest')", file.numbered_sql
    if table in WITH_ORDER:
        name = WITH_ORDER[table]
        # One time per value: a file may have an order twice, which must not multiply its items.
        times = f"SELECT {name}, min(happened) AS happened FROM purchases GROUP BY {name}"
        records = f"(SELECT * FROM {records} LEFT JOIN ({times}) USING ({name}))"
        at = f"coalesce(happened, {at})"
    yield (
        f"SELECT {RECORD} AS record, 0 AS stage, {at} AS happened, {literal(CREATED)} AS op, {_key(table)} AS key, "
        f"{_json({name: identifier(name) for name in file.header})} AS after FROM {records}"
    )


def _staged(table: str, file: CsvFile) -> Iterator[str]:
    """One query per stage of a record's life: up to its time, the columns of later times are null."""
    stages = STAGES[table]
    columns = [column for column, _ in stages]
    last = " ".join(f"WHEN {name} IS NOT NULL THEN {number}" for number, name in reversed([*enumerate(columns)][1:]))
    records = f"(SELECT *, CASE {last} ELSE 0 END AS last_stage FROM {file.numbered_sql})"
    for number, (column, status) in enumerate(stages):
        values = {name: identifier(name) for name in file.header}
        for later in columns[number + 1 :]:
            values[later] = f"CASE WHEN last_stage = {number} THEN {identifier(later)} END"
        if status:
            values[STATUS] = f"CASE WHEN last_stage = {number} THEN {STATUS} ELSE {literal(status)} END"
        # Not before an earlier stage: times may be in disorder.
        at = f"greatest({', '.join(map(_time, columns[: number + 1]))})"
        yield (
            f"SELECT {RECORD} AS record, {number} AS stage, coalesce({at}, getvariable('earliest')) AS happened, "
            f"{literal(UPDATED if number else CREATED)} AS op, {_key(table)} AS key, {_json(values)} AS after "
            f"FROM {records} WHERE {f'{column} IS NOT NULL' if number else 'true'}"
        )


def _time(column: str) -> str:
    """A time that can be read, else null."""
    return f"CASE WHEN isfinite(try_cast({column} AS TIMESTAMP)) THEN try_cast({column} AS TIMESTAMP) END"


def _key(table: str) -> str:
    """The key columns joined by a slash; null where none has a value."""
    names = [identifier(name) for name in SOURCES[table].key]
    if not names:
        return "NULL"
    joined = " || '/' || ".join(f"coalesce({name}, '')" for name in names)
    return f"CASE WHEN coalesce({', '.join(names)}) IS NOT NULL THEN {joined} END"


def _json(values: dict[str, str]) -> str:
    return f"CAST(json_object({', '.join(f'{literal(name)}, {value}' for name, value in values.items())}) AS VARCHAR)"
