"""What silver and gold tables must hold, computed by DuckDB from the CSVs, and how a Delta table differs from it."""

from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from duckdb import DuckDBPyConnection

CSV_FILES = {
    "bronze_customers": "olist_customers_dataset.csv",
    "bronze_orders": "olist_orders_dataset.csv",
    "bronze_order_items": "olist_order_items_dataset.csv",
    "bronze_order_payments": "olist_order_payments_dataset.csv",
    "bronze_order_reviews": "olist_order_reviews_dataset.csv",
    "bronze_products": "olist_products_dataset.csv",
    "bronze_sellers": "olist_sellers_dataset.csv",
    "bronze_geolocation": "olist_geolocation_dataset.csv",
    "bronze_product_category_translation": "product_category_name_translation.csv",
}

ORACLE_TABLES = (  # each reads only bronze tables and those before it
    "silver_customers",
    "silver_products",
    "silver_sellers",
    "silver_geolocation",
    "silver_purchases",
    "silver_orders",
    "silver_order_items",
    "silver_order_payments",
    "silver_order_reviews",
    "silver_orders_master",
    "gold_customer_metrics",
    "gold_product_metrics",
    "gold_category_metrics",
    "gold_geographic_metrics",
    "gold_daily_metrics",
    "gold_segment_profiles",
)

# An amount of two decimals over a whole number, rounded half up in integers: DuckDB would divide decimals as doubles.
MONEY_RATIO = """
CREATE OR REPLACE TEMP MACRO money_ratio(amount, divisor) AS
    ((2 * (amount * 100)::HUGEINT + nullif(divisor, 0)) // (2 * nullif(divisor, 0)))::DECIMAL(18, 0)
    * 0.01::DECIMAL(3, 2)
"""

NO_DIFFERENCE = 1e-12  # absolute: a growth rate near zero is the difference of two nearly equal numbers
EXAMPLES = 3


def load_csvs(con: DuckDBPyConnection, folder: Path) -> None:
    """The nine CSVs of `folder` as `bronze_*` temp tables of text columns, an empty field being null."""
    for table, file in CSV_FILES.items():
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE {table} AS
            SELECT * FROM read_csv(
                $path, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', comment = '',
                nullstr = '', allow_quoted_nulls = true, strict_mode = true, parallel = false
            )""",
            {"path": str(folder / file)},
        )


def build_oracle(con: DuckDBPyConnection) -> None:
    """The expected silver and gold tables as temp tables, from the `bronze_*` tables `load_csvs` made."""
    con.execute(MONEY_RATIO)
    for table in ORACLE_TABLES:
        query = (Path(__file__).parent / f"{table}.sql").read_text(encoding="utf-8")
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS\n{query}")


def differences(
    con: DuckDBPyConnection,
    table: str,
    delta_path: str,
    key: tuple[str, ...],
    *,
    float_tolerance: float = 1e-9,
    where: str = "true",
) -> list[str]:
    """How the Delta table at `delta_path` differs from the oracle's `table`, a line each; empty where they are equal.

    Doubles are equal within `float_tolerance` of the larger, all else exactly. `where` chooses the Delta rows to
    compare, for a table that holds more than the oracle knows.
    """
    con.register("delta_arrow", delta_rows(DeltaTable(delta_path)))
    con.execute(f"CREATE OR REPLACE TEMP TABLE delta_side AS SELECT * FROM delta_arrow WHERE {where}")
    con.unregister("delta_arrow")
    expected, found = column_types(con, table), column_types(con, "delta_side")
    lines = column_lines(table, expected, found)
    if not set(key) <= set(found):
        return lines
    lines += row_lines(con, table, key)
    for column in expected:
        if column in found and column not in key:
            is_double = "DOUBLE" in (expected[column], found[column])
            lines += value_lines(con, table, column, key, float_tolerance if is_double else None)
    return lines


def delta_rows(table: DeltaTable) -> pa.Table:
    """All rows of a Delta table; instants become plain timestamps in UTC."""
    rows = pa.table(table.scan())  # unlike to_pyarrow_table, this reads deletion vectors
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def column_types(con: DuckDBPyConnection, table: str) -> dict[str, str]:
    """DuckDB's type of each column of `table`, in the table's order."""
    return {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {table}").fetchall()}


def column_lines(table: str, expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """How the columns' names, order and types differ."""
    lines = [f"{table}.{name}: column is missing" for name in expected if name not in found]
    lines += [f"{table}.{name}: column is not expected" for name in found if name not in expected]
    shared = [name for name in expected if name in found]
    if shared != [name for name in found if name in expected]:
        lines.append(f"{table}: column order differs, oracle={list(expected)} delta={list(found)}")
    return lines + [
        f"{table}.{name}: type differs, oracle={expected[name]} delta={found[name]}"
        for name in shared
        if expected[name] != found[name]
    ]


def row_lines(con: DuckDBPyConnection, table: str, key: tuple[str, ...]) -> list[str]:
    """Rows that only one side has, and keys that one side has more than once."""
    keys = ", ".join(key)
    sides = {
        "missing from delta": f"SELECT {keys} FROM {table} o ANTI JOIN delta_side d ON {same_key(key)}",
        "not in the oracle": f"SELECT {keys} FROM delta_side d ANTI JOIN {table} o ON {same_key(key)}",
        "repeated in delta": f"SELECT {keys} FROM delta_side GROUP BY {keys} HAVING count(*) > 1",
        "repeated in the oracle": f"SELECT {keys} FROM {table} GROUP BY {keys} HAVING count(*) > 1",
    }
    lines = []
    for what, query in sides.items():
        rows = con.execute(f"SELECT *, count(*) OVER () FROM ({query}) ORDER BY ALL LIMIT {EXAMPLES}").fetchall()
        if rows:
            examples = ", ".join(key_text(row[:-1]) for row in rows)
            lines.append(f"{table}: {rows[0][-1]} keys {what}, e.g. {examples}")
    return lines


def value_lines(
    con: DuckDBPyConnection, table: str, column: str, key: tuple[str, ...], tolerance: float | None
) -> list[str]:
    """The rows of both sides whose `column` differs: one line, or none."""
    differs = f"o.{column} IS DISTINCT FROM d.{column}"
    if tolerance is not None:
        differs += f" AND NOT {nearly_equal(f'o.{column}', f'd.{column}', tolerance)}"
    keys = ", ".join(f"o.{name}" for name in key)
    rows = con.execute(
        f"""SELECT {keys}, o.{column}, d.{column}, count(*) OVER ()
        FROM {table} o JOIN delta_side d ON {same_key(key)}
        WHERE {differs} ORDER BY {keys} LIMIT {EXAMPLES}"""
    ).fetchall()
    if not rows:
        return []
    examples = "; ".join(f"key={key_text(row[:-3])} oracle={row[-3]!s} delta={row[-2]!s}" for row in rows)
    return [f"{table}.{column}: {rows[0][-1]} rows differ, e.g. {examples}"]


def nearly_equal(left: str, right: str, tolerance: float) -> str:
    """Two finite doubles within a relative `tolerance` (SQL, false for nulls)."""
    larger = f"greatest(abs({left}), abs({right}))"
    near = f"abs({left} - {right}) <= greatest({tolerance!r}::DOUBLE * {larger}, {NO_DIFFERENCE!r}::DOUBLE)"
    finite = f"isfinite({left}::DOUBLE) AND isfinite({right}::DOUBLE)"
    return f"coalesce({finite} AND {near}, false)"


def same_key(key: tuple[str, ...]) -> str:
    """The join condition of the oracle `o` and the Delta rows `d` (SQL; a null key equals a null key)."""
    return " AND ".join(f"o.{name} IS NOT DISTINCT FROM d.{name}" for name in key)


def key_text(values: tuple[object, ...]) -> str:
    """A key as one reads it: `a` or `(a, b)`."""
    text = ", ".join(str(value) for value in values)
    return text if len(values) == 1 else f"({text})"
