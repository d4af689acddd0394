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
from olist_assets.lakehouse.schemas import commented_as
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse

Row = dict[str, Any]


def append_new(warehouse: Warehouse, table: Table, rows: list[Row]) -> int:
    """Append the rows whose key is not stored yet; creates the table from its contract. Returns their number."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        known = stored_keys(warehouse, table)
        new = [row for row in rows if tuple(row[name] for name in table.key) not in (known or ())]
        if new or known is None:
            _append(warehouse, table, new)
    return len(new)


def replace_rows(warehouse: Warehouse, table: Table, rows: list[Row]) -> int:
    """Store exactly these rows, without a new version if nothing changes. Returns how many are new or changed."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        stored = _stored(warehouse, table, table.column_names)
        new = {tuple(row[name] for name in table.column_names) for row in rows}
        if stored != new:
            _write(path, table, rows, arrow_schema(table), mode="overwrite", schema_mode="overwrite")
    return len(new - (stored or set()))


def append_derived(warehouse: Warehouse, table: Table, derive: Callable[[], list[Row]]) -> list[Row]:
    """Append rows that are derived from the stored ones, which nobody changes meanwhile. Returns the rows."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        rows = derive()
        if rows:
            _append(warehouse, table, rows)
    return rows


def _append(warehouse: Warehouse, table: Table, rows: list[Row]) -> None:
    """Append rows; a column that is new in the contract is added, and null in the stored rows."""
    stored = warehouse.existing_tables([table.name]).get(table.name)
    schema = commented_as(stored, arrow_schema(table)) if stored else arrow_schema(table)
    _write(warehouse.path(table.name), table, rows, schema, mode="append", schema_mode="merge")


def _write(path: Path, table: Table, rows: list[Row], schema: pa.Schema, **options: str) -> None:
    write_delta(path, pa.Table.from_pylist(rows, schema), name=table.name, description=table.description, **options)


def stored_keys(warehouse: Warehouse, table: Table) -> set[tuple[Any, ...]] | None:
    """Keys of the stored rows; None if the table was never written."""
    return _stored(warehouse, table, table.key)


def _stored(warehouse: Warehouse, table: Table, names: tuple[str, ...]) -> set[tuple[Any, ...]] | None:
    """The stored values of these columns; None if there is no table, or one without some of them."""
    try:
        stored = warehouse.open(table.name)
    except TableMissing:
        return None
    if not {*names} <= {field.name for field in stored.schema().fields}:
        return None
    columns = warehouse.rows(stored, *names).to_pydict()
    return set(zip(*(columns[name] for name in names), strict=True))
