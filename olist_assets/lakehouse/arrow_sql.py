"""SQL over Arrow tables in memory, by DuckDB."""

import pyarrow as pa

from olist_assets.lakehouse.connection import connection
from olist_assets.lakehouse.sql import spill_folder

# For hash tables and sorts, which spill to disk beyond it; the tables themselves are not in DuckDB's memory. Not
# OLIST_DUCKDB_MEMORY: an asset function has no settings.
MEMORY = 2 << 30


def query(sql: str, **tables: pa.Table) -> pa.Table:
    """The rows of a query over these tables, by their names. Only an ORDER BY gives them an order."""
    with connection(MEMORY, spill=spill_folder()) as con:
        for name, table in tables.items():
            con.register(name, table)
        return con.sql(sql).to_arrow_table()
