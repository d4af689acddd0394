"""monitoring_tables: rows, size and schema of every version of every table, kept after its own log is cleaned."""

import hashlib
import json

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.history_table import Row
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.past_versions import VERSIONS_READ, past_versions
from olist_assets.lakehouse.warehouse import Warehouse

MONITORING_TABLES = Table(
    name="monitoring_tables",
    description="Rows, size, null rates and schema of each table over time, kept after the Delta logs are cleaned.",
    grain="One row per observed table version.",
    key=("table", "version", "written_at"),
    may_be_empty=True,
    columns=(
        Column("table", "string", "Name of the table."),
        Column(
            "version", "bigint", "Delta version of the table; a table that is created again starts at 0.", minimum=0
        ),
        Column("written_at", "timestamp", "Time at which the version was committed."),
        Column("rows", "bigint", "Rows of the table in this version.", minimum=0),
        Column("files", "bigint", "Parquet files of this version.", minimum=0),
        Column("bytes", "bigint", "Size of these files.", unit="bytes", minimum=0),
        Column("null_rates", "string", "Null rate of each column, 0 to 1, as a JSON object."),
        Column("schema_hash", "string", "Hash of the columns' names, types, nullability and order."),
    ),
    is_history=True,
    kinds=frozenset({"deltalake", "python"}),
)


@table_asset(MONITORING_TABLES)
def monitoring_tables(warehouse: Resource[Warehouse]) -> list[Row]:
    """The last versions of all tables."""
    return [
        {
            "table": name,
            "version": past.version,
            "written_at": past.at,
            "rows": past.rows,
            "files": past.files,
            "bytes": past.bytes,
            "null_rates": json.dumps(past.nulls),
            "schema_hash": hashlib.sha256(json.dumps(list(past.shape.items())).encode()).hexdigest()[:16],
        }
        for name, table in warehouse.existing_tables(warehouse.catalog.business_tables).items()
        for past in past_versions(location(table), table.version() + 1, VERSIONS_READ)
    ]
