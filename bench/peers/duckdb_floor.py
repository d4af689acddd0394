"""Bronze, silver and gold by DuckDB, in memory, each table written once as Delta by deltalake: a lower bound.

    python -m bench.peers.duckdb_floor DATA_FOLDER OUT_FOLDER

The SQL is that of the tests: every value equals the platform's, including exact decimals and medians. Not included are
the ML layer and the profiles of the k-means segments, `silver_rejects` (a value that does not cast stops this script,
and a repeated key stays twice), contracts, checks, and reruns of single days. All data must fit into memory.
"""

import time
from pathlib import Path

import click
import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from olist_assets_tests.oracle.compare import CSV_FILES, ORACLE_TABLES, build_oracle, load_csvs

ADDED = "now() AS ingestion_timestamp, $file AS source_file, NULL::VARCHAR AS _corrupt_record"


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(data: Path, out: Path) -> None:
    """Make the tables from a folder of CSV files, and print the seconds."""
    started = time.monotonic()
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        load_csvs(con, data)
        # The query of the profiles reads this table; empty, it adds no segment.
        con.execute("CREATE TEMP TABLE gold_customer_segments_ml (customer_unique_id VARCHAR, segment_label VARCHAR)")
        build_oracle(con)
        computed = time.monotonic()
        for name, file in CSV_FILES.items():
            write(con.sql(f"SELECT *, {ADDED} FROM {name}", params={"file": file}), out / "bronze" / name)
        for name in ORACLE_TABLES:
            write(con.table(name), out / name.split("_", 1)[0] / name)
    ended = time.monotonic()
    click.echo(f"computed {computed - started:.1f} s, written {ended - computed:.1f} s, total {ended - started:.1f} s")


def write(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    """Overwrite a Delta table and print its row count; timestamps are stored as instants in UTC, as by Spark."""
    found = rows.to_arrow_table()
    instants = [
        field.with_type(pa.timestamp("us", tz="UTC")) if pa.types.is_timestamp(field.type) else field
        for field in found.schema
    ]
    write_deltalake(path, found.cast(pa.schema(instants)), mode="overwrite")
    click.echo(f"{path.name}: {len(found):,} rows")


if __name__ == "__main__":
    main()
