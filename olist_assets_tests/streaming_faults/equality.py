"""Whether the tables that events have fed are exactly what the files say."""

from pathlib import Path

import duckdb

from olist_assets.contracts.source_files import SEQUENCE, SOURCES
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.oracle.compare import load_csvs


def assert_equals_files(warehouse: Warehouse, folder: Path) -> None:
    """Every bronze table has the records of its file, no other, none twice, value for value; and no event is lost."""
    with duckdb.connect() as con:
        load_csvs(con, folder)
        for subject, source in SOURCES.items():
            name, columns = f"bronze_{subject}", ", ".join(source.columns)
            con.register("stored", warehouse.rows(warehouse.open(name), *source.columns, SEQUENCE))
            for what, one, other in (("missing", name, "stored"), ("surplus", "stored", name)):
                query = f"SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other}"
                found = con.sql(f"SELECT *, count(*) OVER () FROM ({query}) LIMIT 3").fetchall()
                assert found == [], f"{name}: {found[0][-1]} rows are {what}, such as {found}"
            con.unregister("stored")
    assert_every_event_counts(warehouse)


def assert_every_event_counts(warehouse: Warehouse) -> None:
    """Every message is stored once, and in one batch: applied, superseded or rejected."""
    names = ("bronze_order_events", "monitoring_stream")
    with warehouse.sql({name: warehouse.open(name) for name in names}) as con:
        ((stored, different),) = con.sql(
            'SELECT count(*), count(DISTINCT (topic, "partition", "offset")) FROM bronze_order_events'
        ).fetchall()
        ((rows, batches, last, counted),) = con.sql(
            "SELECT sum(rows), count(*), max(batch) + 1, sum(applied + superseded + rejected) FROM monitoring_stream"
        ).fetchall()
    assert stored == different == rows == counted
    assert batches == last
