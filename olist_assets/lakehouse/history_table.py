"""Tables of history: rows are appended once per key and never changed. Written by deltalake."""

from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.object_store import storage_options
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse

ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
Row = dict[str, Any]


def append_new(warehouse: Warehouse, table: Table, rows: list[Row]) -> int:
    """Append the rows whose key is not stored yet; creates the table from its contract. Returns their number."""
    path = warehouse.path(table.name)
    with warehouse.lock(path, table.name):
        known = stored_keys(warehouse, table)
        new = [row for row in rows if tuple(row[name] for name in table.key) not in (known or ())]
        if new or known is None:
            write_deltalake(
                str(path),
                pa.Table.from_pylist(new, pa.schema([_field(column) for column in table.columns])),
                mode="append",
                name=table.name,
                description=table.description,
                storage_options=storage_options(path),
            )
    return len(new)


def stored_keys(warehouse: Warehouse, table: Table) -> set[tuple[Any, ...]] | None:
    """Keys of the stored rows; None if the table was never written."""
    try:
        stored = warehouse.open(table.name)
    except TableMissing:
        return None
    columns = stored.to_pyarrow_table(columns=list(table.key)).to_pydict()
    return set(zip(*(columns[name] for name in table.key), strict=True))


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, ARROW_TYPES[column.type], column.nullable, {"comment": column.description})
