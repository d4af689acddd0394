"""Queries that try to reach what a role may not see: none gets a raw value, and none writes a file."""

import duckdb
import pyarrow as pa
import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import access, masking
from olist_assets.governance.roles import in_force
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.governance.conftest import COMMENT, CUSTOMERS, ORDERS_OWN, OTHER, PERSON, SECRET

HOSTILE = [
    "FROM read_parquet('{files}')",
    "FROM '{files}'",
    'FROM "{files}"',
    "FROM parquet_scan(['{files}'])",
    "FROM parquet_metadata('{files}')",
    "FROM parquet_schema('{files}')",
    "FROM parquet_kv_metadata('{files}')",
    "FROM delta_scan('{folder}')",
    "FROM read_csv('{files}', all_varchar = true)",
    "FROM read_text('{folder}/_delta_log/*.json')",
    "FROM read_blob('{files}')",
    "FROM read_json('{folder}/_delta_log/00000000000000000000.json')",
    "FROM glob('{folder}/**')",
    "FROM sniff_csv('{files}')",
    "ATTACH '{folder}/x.db' AS x",
    "COPY gold_customer_metrics TO '{folder}/out.csv'",
    "COPY gold_customer_metrics FROM '{files}'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SET GLOBAL enable_external_access = true",
    "SET lock_configuration = false",
    "SET python_enable_replacements = true; FROM raw",
    "SET python_scan_all_frames = true; FROM relation",
    "SET disabled_filesystems = ''",
    "PRAGMA enable_external_access",
    "SELECT getenv('OLIST_MASK_SALT')",
    "FROM raw",
    "FROM visible",
    "FROM empty",
    "FROM given",
    "FROM relation",
    "FROM rows",
    "FROM tables",
    "FROM plan",
    "SELECT getvariable('inner_key') AS k, getvariable('outer_key') AS o",
    "FROM duckdb_views() WHERE NOT internal",
    "SELECT sql FROM duckdb_views() WHERE sql ILIKE '%parquet%' AND NOT internal",
    "SELECT * FROM information_schema.tables WHERE table_type = 'VIEW' AND table_schema = 'main'",
    "FROM duckdb_variables()",
    "FROM duckdb_secrets()",
    "FROM duckdb_logs()",
    "FROM duckdb_temporary_files()",
    "FROM gold_customer_metrics",
    'FROM "gold_customer_metrics"',
    "FROM memory.main.gold_customer_metrics",
    "FROM main.gold_customer_metrics AS t",
    "SUMMARIZE gold_customer_metrics",
    "WITH bronze AS (FROM gold_customer_metrics) FROM bronze",
    "WITH gold_customer_metrics AS (FROM gold_customer_metrics) FROM gold_customer_metrics",
    "WITH gold_customer_metrics AS (SELECT 1) FROM main.gold_customer_metrics",
    "PREPARE p AS FROM gold_customer_metrics; EXECUTE p",
    "CREATE VIEW v AS FROM gold_customer_metrics; FROM v",
    "CREATE MACRO m() AS TABLE FROM gold_customer_metrics; FROM m()",
    "FROM query('FROM gold_customer_metrics')",
    "FROM query_table('gold_customer_metrics')",
    "EXPLAIN ANALYZE FROM gold_customer_metrics",
    "SELECT * FROM bronze_customers, gold_customer_metrics",
    "SELECT t FROM gold_customer_metrics t",
    "SELECT to_json(t) FROM bronze_customers t",
    "SELECT review_comment_message FROM silver_order_reviews",
    "SELECT COLUMNS('.*') FROM silver_order_reviews",
    "UNPIVOT (SELECT customer_unique_id, customer_city FROM gold_customer_metrics) ON COLUMNS(*)",
    "DROP TABLE gold_customer_metrics; FROM raw.gold_customer_metrics",
    "ATTACH ':memory:' AS m; USE m; FROM memory.main.gold_customer_metrics",
]  # fmt: skip


def result(warehouse: Warehouse, query: str, role: str | None) -> str:
    """Everything that a query returns, or its error."""
    folder = warehouse.path(CUSTOMERS)
    text = query.format(files=f"{folder}/*.parquet", folder=folder)
    try:
        rows = access.answer(warehouse, text, role=role)
    except OlistError as error:
        return str(error)
    return "" if rows is None else str(rows.to_pylist())


def files(warehouse: Warehouse) -> list[str]:
    """All files of the warehouse but those of the audit log, which gets an entry per query."""
    found = (path for path in warehouse.root.rglob("*") if "audit" not in path.relative_to(warehouse.root).parts)
    return sorted(map(str, found))


def test_a_hostile_query_gets_nothing_raw_and_writes_no_file(stored_customers: Warehouse):
    before = files(stored_customers)
    raw = (PERSON, OTHER, ORDERS_OWN, COMMENT, "campinas", "13056", SECRET)
    results = {query: result(stored_customers, query, "analyst") for query in HOSTILE}
    assert {query: text for query, text in results.items() if any(value in text for value in raw)} == {}
    assert files(stored_customers) == before
    # Most of them are errors; those over tables that the role sees are answered.
    assert masking.token(SECRET.encode(), PERSON) in results["FROM gold_customer_metrics"]


def test_without_a_role_such_queries_reach_the_raw_rows(stored_customers: Warehouse):
    """So the test above can fail."""
    assert sum(PERSON in result(stored_customers, query, None) for query in HOSTILE[:8]) >= 4


def test_a_query_sees_no_variable_of_the_program_that_runs_it(stored_customers: Warehouse):
    secrets_of_the_caller = pa.table({"raw": [PERSON]})
    opened = {CUSTOMERS: stored_customers.open(CUSTOMERS)}
    with access.connection(stored_customers, opened, in_force(stored_customers, "analyst")) as con:
        assert con.sql(f"SELECT count(*) FROM {CUSTOMERS}").fetchall() == [(2,)]
        with pytest.raises(duckdb.CatalogException):
            con.sql("FROM secrets_of_the_caller")
    assert secrets_of_the_caller.num_rows == 1
