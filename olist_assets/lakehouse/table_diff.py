"""The differences between two versions of a table: rows added, removed and changed by key."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
from deltalake import DeltaTable

from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.table import Table
from olist_assets.errors import OlistError
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.redaction import without_values

ADDED, REMOVED, CHANGED = "+", "-", "~"
# Names that no column of a Delta table can have. Rows with the same key are numbered, so that they form pairs and no
# product.
NUMBER, OLD, NEW = '"row number"', '"old row"', '"new row"'

Row = dict[str, Any]


@dataclass(frozen=True)
class Diff:
    """Counts of rows; rows of a table without a key are compared as a whole, as often as they occur.

    `columns`: the number of changed rows per column. `days`: days of a daily table with a row that differs.
    `samples`: a row in the old and in the new version, None where it does not exist. `only_in_one`: columns that one
    version lacks; like `not_compared` they are ignored.
    """

    added: int
    removed: int
    changed: int
    unchanged: int
    columns: dict[str, int]
    days: tuple[date, ...]
    samples: tuple[tuple[Row | None, Row | None], ...]
    not_compared: tuple[str, ...]
    only_in_one: tuple[str, ...]


def diff(warehouse: Warehouse, contract: Table, old: DeltaTable, new: DeltaTable, limit: int = 0) -> Diff:
    """Compare two versions, with up to `limit` sample rows of each kind. Raises OlistError."""
    had, has = ([column.name for column in table.schema().fields] for table in (old, new))
    # A volatile column differs in every version: no two would have a row in common.
    not_compared = contract.volatile
    compared = [name for name in has if name in had and name not in not_compared]
    if lacking := set(contract.key) - set(compared):
        raise OlistError(f"One version of {contract.name} has no {', '.join(sorted(lacking))}: its rows have no key.")
    day = contract.day if contract.day in compared else None
    try:
        with warehouse.sql() as con:
            rows = _compare(con, old, new, compared, contract.key)
            counts = dict(con.execute("SELECT sign, count(*) FROM differing GROUP BY ALL").fetchall())
            added, removed, changed = (counts.get(sign, 0) for sign in (ADDED, REMOVED, CHANGED))
            return Diff(
                added=added,
                removed=removed,
                changed=changed,
                unchanged=rows - added - changed,
                columns=_changed_columns(con, compared),
                days=_days(con, day) if day else (),
                samples=_samples(con, limit),
                not_compared=not_compared,
                only_in_one=tuple(sorted({*had} ^ {*has})),
            )
    except duckdb.Error as error:
        raise OlistError(f"The versions of {contract.name} cannot be compared: {without_values(str(error))}") from None


def _compare(
    con: duckdb.DuckDBPyConnection, old: DeltaTable, new: DeltaTable, compared: list[str], key: tuple[str, ...]
) -> int:
    """Create the table `differing` (sign, old row, new row); returns the number of rows in the new version."""
    before, after = set(data_files(old)), set(data_files(new))
    # A file that belongs to both versions has the same rows in both: it is only counted.
    create_view(con, "shared", new, sorted(before & after))
    _create_side(con, "old", old, before - after, compared)
    _create_side(con, "new", new, after - before, compared)
    by_key = ", ".join(map(identifier, key)) or "1"
    for side, other in (("old", "new"), ("new", "old")):
        con.execute(
            f"CREATE TABLE only_{side} AS SELECT *, row_number() OVER (PARTITION BY {by_key}) AS {NUMBER} "
            f"FROM (FROM {side} EXCEPT ALL FROM {other})"
        )
    columns = (*map(identifier, key), NUMBER)
    same_key = " AND ".join(f"{OLD}.{name} IS NOT DISTINCT FROM {NEW}.{name}" for name in columns)
    # Without a key no two rows are a pair. This condition is never true, and unlike `false` DuckDB can hash on it.
    pair = same_key if key else f"{OLD}.{NUMBER} = -{NEW}.{NUMBER}"
    con.execute(
        f"CREATE TABLE differing AS SELECT CASE WHEN {OLD}.{NUMBER} IS NULL THEN '{ADDED}' "
        f"WHEN {NEW}.{NUMBER} IS NULL THEN '{REMOVED}' ELSE '{CHANGED}' END AS sign, {OLD}, {NEW} "
        f"FROM only_old AS {OLD} FULL JOIN only_new AS {NEW} ON {pair}"
    )
    (rows,) = con.execute("SELECT (SELECT count(*) FROM shared) + (SELECT count(*) FROM new)").fetchall()[0]
    return rows


def _create_side(
    con: duckdb.DuckDBPyConnection, side: str, table: DeltaTable, files: set[str], compared: list[str]
) -> None:
    create_view(con, f"{side}_files", table, sorted(files))
    in_files = {name for name, *_ in con.execute(f"DESCRIBE {side}_files").fetchall()}
    # A file written before a column was added lacks it.
    quoted = {name: identifier(name) for name in compared}
    columns = ", ".join(sql if name in in_files else f"NULL AS {sql}" for name, sql in quoted.items())
    con.execute(f"CREATE VIEW {side} AS SELECT {columns} FROM {side}_files")


def _changed_columns(con: duckdb.DuckDBPyConnection, compared: list[str]) -> dict[str, int]:
    names = map(identifier, compared)
    counts = ", ".join(f"count(*) FILTER ({OLD}.{name} IS DISTINCT FROM {NEW}.{name})" for name in names)
    found = con.execute(f"SELECT {counts} FROM differing WHERE sign = '{CHANGED}'").fetchall()[0]
    return {name: rows for name, rows in zip(compared, found, strict=True) if rows}


def _days(con: duckdb.DuckDBPyConnection, day: str) -> tuple[date, ...]:
    column = identifier(day)
    both = f"SELECT {OLD}.{column} AS day FROM differing UNION SELECT {NEW}.{column} FROM differing"
    found = con.execute(f"SELECT day FROM ({both}) WHERE day IS NOT NULL ORDER BY day").fetchall()
    return tuple(day for (day,) in found)


def _samples(con: duckdb.DuckDBPyConnection, limit: int) -> tuple[tuple[Row | None, Row | None], ...]:
    found = [
        row
        for sign in (ADDED, REMOVED, CHANGED)
        for row in con.execute(
            f"SELECT {OLD}, {NEW} FROM differing WHERE sign = '{sign}' "
            f"ORDER BY {OLD if sign == REMOVED else NEW} LIMIT {limit}"
        ).fetchall()
    ]
    return tuple((_row(old), _row(new)) for old, new in found)


def _row(found: Row) -> Row | None:
    """One side of a pair; None where it has no row: then all its fields are NULL, its number too."""
    number = NUMBER.strip('"')
    return {name: value for name, value in found.items() if name != number} if found[number] else None
