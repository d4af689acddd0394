"""monitoring_tables: what every version of every table was, kept when its own log has forgotten it."""

import hashlib
import json

import dagster as dg

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.past_versions import VERSIONS_READ, earlier
from olist_assets.monitoring.append import Row, add_new
from olist_assets.settings import Settings

MONITORING_TABLES = Table(
    name="monitoring_tables",
    description="Rows, size, null rates and schema of each table over time, read from the Delta logs before they end.",
    grain="One row per table version that was seen.",
    key=("table", "version", "written_at"),
    may_be_empty=True,
    columns=(
        Column("table", "string", "The table."),
        Column("version", "long", "Its Delta version; a table made anew begins at 0 again.", minimum=0),
        Column("written_at", "timestamp", "When the version was committed."),
        Column("rows", "long", "Its rows.", minimum=0),
        Column("files", "long", "Its Parquet files.", minimum=0),
        Column("bytes", "long", "Their size.", unit="bytes", minimum=0),
        Column("null_rates", "string", "Nulls by column as rates of the rows: a JSON object."),
        Column("schema_hash", "string", "Changes with any column's name, type, nullability or place."),
    ),
    kinds=frozenset({"deltalake", "python"}),
)


@dg.asset(**MONITORING_TABLES.asset_args())
def monitoring_tables() -> dg.MaterializeResult:
    """Versions that were not seen before."""
    settings = Settings()
    return dg.MaterializeResult(metadata={"rows_added": add_new(settings, MONITORING_TABLES, versions(settings))})


def versions(settings: Settings) -> list[Row]:
    """The last versions of all tables, as rows of the contract."""
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
        for name, table in lakehouse.made(settings, tables()).items()
        for past in earlier(lakehouse.location(table), table.version() + 1, VERSIONS_READ)
    ]
