"""The nine bronze tables: each source file exactly as received. One rule, so one factory over the files."""

import dagster as dg
from pyspark.sql import DataFrame

from olist_assets.contracts import Column, Table
from olist_assets.resources import CORRUPT, OlistSource
from olist_assets.source import FILES

ADDED = (
    Column("ingestion_timestamp", "timestamp", "When this snapshot was read."),
    Column("source_file", "string", "The file the record came from."),
    Column(CORRUPT, "string", "The whole record where it did not parse into the header's columns.", nullable=True),
)


def bronze_table(file: str) -> Table:
    """The contract of one file's snapshot: its columns as text, then where and when they came from."""
    subject = file.removeprefix("olist_").removesuffix(".csv").removesuffix("_dataset")
    subject = subject.replace("category_name_translation", "category_translation")
    return Table(
        name=f"bronze_{subject}",
        description=f"Snapshot of {file}, exactly as received.",
        grain="One row per record of the file.",
        key=(),
        columns=(*(Column(name, "string", "As received.", nullable=True) for name in FILES[file]), *ADDED),
        source_file=file,
    )


def bronze_asset(table: Table) -> dg.AssetsDefinition:
    """The asset that reads one file."""

    @dg.asset(**table.asset_args())
    def snapshot(source: OlistSource) -> DataFrame:
        return source.read(str(table.source_file))

    return snapshot


BRONZE_TABLES = tuple(bronze_table(file) for file in FILES)
bronze_assets = tuple(bronze_asset(table) for table in BRONZE_TABLES)
