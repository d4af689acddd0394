"""SQL over Arrow tables in memory, by DuckDB."""

import pyarrow as pa

from olist_assets.lakehouse.connection import connection

# For hash tables and sorts; the tables themselves are not in DuckDB's memory.
MEMORY = 2 << 30


def query(sql: str, **tables: pa.Table) -> pa.Table:
    """The rows of a query over these tables, by their names. Only an ORDER BY gives them an order."""
    with connection(MEMORY, spill=None) as con:
        for name, table in tables.items():
            con.register(name, table)
        return con.sql(sql).to_arrow_table()
