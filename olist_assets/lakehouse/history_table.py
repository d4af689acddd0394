"""Tables written by deltalake, without an engine.

Rows of history are appended once per key and never changed; derived rows replace the stored ones.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from olist_assets.contracts.table import Table
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.object_store import write_delta
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse

Row = dict[str, Any]


def append_new(warehouse: Warehouse, table: Table, rows: list[Row]) -> int:
    """Append the rows whose key is not stored yet; creates the table from its contract. Returns their number."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        known = stored_keys(warehouse, table)
        new = [row for row in rows if tuple(row[name] for name in table.key) not in (known or ())]
        if new or known is None:
            _write(path, table, new, "append")
    return len(new)


def replace_rows(warehouse: Warehouse, table: Table, rows: list[Row]) -> int:
    """Store exactly these rows, without a new version if nothing changes. Returns how many are new or changed."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        stored = _stored(warehouse, table, table.column_names)
        new = {tuple(row[name] for name in table.column_names) for row in rows}
        if stored != new:
            _write(path, table, rows, "overwrite")
    return len(new - (stored or set()))


def append_derived(warehouse: Warehouse, table: Table, derive: Callable[[], list[Row]]) -> list[Row]:
    """Append rows that are derived from the stored ones, which nobody changes meanwhile. Returns the rows."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        rows = derive()
        if rows:
            _write(path, table, rows, "append")
    return rows


def _write(path: Path, table: Table, rows: list[Row], mode: str) -> None:
    write_delta(
        path,
        pa.Table.from_pylist(rows, arrow_schema(table)),
        mode=mode,
        name=table.name,
        description=table.description,
    )


def stored_keys(warehouse: Warehouse, table: Table) -> set[tuple[Any, ...]] | None:
    """Keys of the stored rows; None if the table was never written."""
    return _stored(warehouse, table, table.key)


def _stored(warehouse: Warehouse, table: Table, names: tuple[str, ...]) -> set[tuple[Any, ...]] | None:
    try:
        stored = warehouse.open(table.name)
    except TableMissing:
        return None
    columns = warehouse.rows(stored, *names).to_pydict()
    return set(zip(*(columns[name] for name in names), strict=True))
