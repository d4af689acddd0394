"""Tables of what was seen, kept longer than the logs that it was read from: rows are added once and never changed."""

from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.locks import table_lock
from olist_assets.lakehouse.object_store import storage_options
from olist_assets.settings import Settings

ARROW = {
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
Row = dict[str, Any]


def add_new(settings: Settings, table: Table, rows: list[Row]) -> int:
    """Add those of the rows whose key is not stored yet, made by the contract; gives how many there were."""
    path = lakehouse.table_path(settings, table.name)
    with table_lock(path, settings.lock_timeout, "monitoring"):
        known = stored_keys(settings, table)
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


def stored_keys(settings: Settings, table: Table) -> set[tuple[Any, ...]] | None:
    """Keys of the stored rows; None where the table was never written."""
    try:
        stored = lakehouse.open_table(settings, table.name)
    except lakehouse.TableMissing:
        return None
    columns = stored.to_pyarrow_table(columns=list(table.key)).to_pydict()
    return set(zip(*(columns[name] for name in table.key), strict=True))


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, ARROW[column.type], column.nullable, {"comment": column.description})
