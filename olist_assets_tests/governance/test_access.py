"""A role's answers hold no more than it may see, whatever the query tries; and each question is in the audit log."""

import csv
import io

import duckdb
import pyarrow as pa
import pytest

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import table
from olist_assets.errors import OlistError
from olist_assets.governance import access, masking
from olist_assets.governance.roles import Role, in_force
from olist_assets.settings import Settings
from olist_assets_tests.governance.conftest import SECRET

PERSON, ORDERS_OWN, COMMENT = (
    "0123456789abcdef0123456789abcdef",
    "fedcba9876543210fedcba9876543210",
    "my secret comment",
)
OTHER = "b" * 32
CUSTOMERS = "gold_customer_metrics"
DONE, WRONG_USE = 0, 2


@pytest.fixture
def warehouse(store, secret, settings) -> Settings:
    """Two customers, one of them in São Paulo; their orders and one comment."""
    store(
        CUSTOMERS,
        {"customer_unique_id": PERSON, "customer_city": "campinas", "customer_state": "SP", "frequency": 1},
        {"customer_unique_id": OTHER, "customer_city": "niteroi", "customer_state": "RJ", "frequency": 2},
    )
    store(
        "bronze_customers",
        {
            "customer_id": ORDERS_OWN, "customer_unique_id": PERSON, "customer_zip_code_prefix": "13056",
            "customer_city": "campinas", "customer_state": "SP",
        },
    )  # fmt: skip
    store("silver_order_reviews", {"review_id": "r", "review_comment_message": COMMENT, "review_score": 5})
    store("gold_daily_metrics", {"orders_count": 7})
    return Settings()


@pytest.fixture
def ask(olist, warehouse):
    """The rows that a role gets, as lists of text."""

    def rows(query: str, role: str) -> list[list[str]]:
        code, text = olist("sql", "--as", role, "--format", "csv", query)
        assert code == DONE, text
        return list(csv.reader(io.StringIO(text)))[1:]

    return rows


def test_an_analyst_sees_tokens_that_join_and_no_comment(ask):
    token = masking.token(SECRET.encode(), PERSON)
    query = (
        "SELECT customer_unique_id, customer_zip_code_prefix, b.customer_city, frequency "
        f"FROM bronze_customers b JOIN {CUSTOMERS} USING (customer_unique_id)"
    )
    assert ask(query, "analyst") == [[token, "13", "", "1"]]
    assert ask("SELECT review_comment_message, review_score FROM silver_order_reviews", "analyst") == [["", "5"]]


def test_an_admin_sees_all(ask):
    assert ask(f"SELECT customer_unique_id FROM {CUSTOMERS} WHERE customer_state = 'SP'", "admin") == [[PERSON]]


def test_a_row_filter_holds_for_every_way_to_count(ask):
    assert ask(f"SELECT count(*) FROM {CUSTOMERS}", "marketing") == [["1"]]
    assert ask(f"SELECT sum(frequency), max(customer_state) FROM {CUSTOMERS}", "marketing") == [["1", "SP"]]
    assert ask(f"SELECT count(*) FROM {CUSTOMERS} WHERE customer_state = 'RJ'", "marketing") == [["0"]]


def test_only_the_columns_that_a_query_needs_are_filled_and_its_answer_is_whole(ask):
    star = ask(f"FROM {CUSTOMERS} ORDER BY frequency", "analyst")
    assert len(star[0]) == len(table(CUSTOMERS).columns)
    assert ask(f"SELECT c FROM {CUSTOMERS} c WHERE frequency = 1", "analyst")[0][0].count(",") >= 20
    # A natural join matches by columns that the query does not name.
    assert (
        ask(f"SELECT frequency FROM {CUSTOMERS} NATURAL JOIN (FROM {CUSTOMERS} WHERE frequency = 1)", "analyst") == []
    )
    natural = f"SELECT frequency FROM bronze_customers NATURAL JOIN {CUSTOMERS}"
    assert ask(natural, "admin") == [["1"]]
    # A city that masking removes matches none.
    assert ask(natural, "analyst") == []
    assert ask(
        f"SELECT sum(SP), sum(RJ) FROM (PIVOT {CUSTOMERS} ON customer_state USING sum(frequency))", "analyst"
    ) == [["1", "2"]]
    assert ask("SELECT * FROM query('SELECT orders_count FROM gold_' || 'daily_metrics')", "analyst") == [["7"]]
    assert ["customer_unique_id", "VARCHAR"] in [row[:2] for row in ask(f"DESCRIBE {CUSTOMERS}", "analyst")]


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
    "FROM seen",
    "FROM relation",
    "FROM filled",
    "FROM settings",
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


def result(settings: Settings, query: str, role: Role | None) -> str:
    """All that a query gives, or its error."""
    folder = lakehouse.table_path(settings, CUSTOMERS)
    query = query.format(files=f"{folder}/*.parquet", folder=folder)
    named = lakehouse.mentioned(query, (CUSTOMERS, "bronze_customers", "silver_order_reviews"))
    try:
        rows = access._result(settings, query, named, lakehouse.open_table, role)
    except OlistError as error:
        return str(error)
    return "" if rows is None else str(rows.to_pylist())


def test_a_hostile_query_gets_nothing_raw_and_writes_no_file(warehouse):
    before = sorted(warehouse.warehouse_path.rglob("*"))
    raw = (PERSON, OTHER, ORDERS_OWN, COMMENT, "campinas", "13056", SECRET)
    analyst = in_force(warehouse, "analyst")
    said = {query: result(warehouse, query, analyst) for query in HOSTILE}
    assert {query: text for query, text in said.items() if any(value in text for value in raw)} == {}
    assert sorted(warehouse.warehouse_path.rglob("*")) == before


def test_without_a_role_such_queries_reach_the_raw_rows(warehouse):
    """So the test above would notice."""
    assert sum(PERSON in result(warehouse, query, None) for query in HOSTILE[:8]) >= 4


def test_a_query_sees_no_variable_of_the_program_that_asks(warehouse):
    secrets_of_the_caller = pa.table({"raw": [PERSON]})
    opened = {CUSTOMERS: lakehouse.open_table(warehouse, CUSTOMERS)}
    with access.connection(opened, in_force(warehouse, "analyst")) as con:
        assert con.sql(f"SELECT count(*) FROM {CUSTOMERS}").fetchall() == [(2,)]
        with pytest.raises(duckdb.CatalogException):
            con.sql("FROM secrets_of_the_caller")
    assert secrets_of_the_caller.num_rows == 1


def test_denied_failed_and_good_questions_are_all_in_the_log(olist, warehouse):
    assert olist("sql", "--as", "marketing", "FROM bronze_customers")[0] == WRONG_USE
    assert olist("sql", "--as", "finance", "SELECT nothing FROM gold_daily_metrics")[0] == WRONG_USE
    assert olist("sql", "--as", "nobody", "SELECT 1")[0] == WRONG_USE
    assert olist("sql", f"SELECT * FROM {CUSTOMERS} WHERE customer_unique_id = '{PERSON}'")[0] == DONE
    good, nobody, failed, denied = audit_log.latest(warehouse, 10, {})
    assert (denied["role"], denied["tables"]) == ("marketing", ["bronze_customers"])
    assert "may not read bronze_customers" in denied["error"]
    assert (failed["role"], failed["rows"]) == ("finance", None)
    assert "nothing" in failed["error"]
    assert "no role 'nobody'" in nobody["error"]
    assert (good["role"], good["rows"], good["error"], good["tables"]) == (None, 1, None, [CUSTOMERS])
    assert PERSON not in good["statement"]
    assert masking.token(SECRET.encode(), PERSON) in good["statement"]


def test_a_column_that_is_not_seen_is_named(olist, warehouse, store):
    store("silver_orders_master", {"order_id": "o"})
    code, text = olist("sql", "--as", "finance", "SELECT customer_city FROM silver_orders_master")
    assert code == WRONG_USE
    assert "Role finance does not see the column customer_city" in text


def test_a_role_gets_no_answer_that_cannot_be_audited_and_a_user_without_one_a_warning(olist, warehouse):
    # A file where the log's folder should be: as a warehouse that cannot be written to.
    (warehouse.warehouse_path / "audit").write_text("")
    code, text = olist("sql", "--as", "admin", f"SELECT customer_state FROM {CUSTOMERS}")
    assert code == WRONG_USE
    assert "Not in the audit log" in text
    assert "RJ" not in text
    code, text = olist("sql", f"SELECT customer_state FROM {CUSTOMERS}")
    assert code == DONE
    assert "Warning: Not in the audit log" in text
    assert "RJ" in text


def test_a_slip_in_the_warehouses_name_makes_no_folder(olist, settings):
    assert olist("sql", "SELECT 1")[0] == DONE
    assert not settings.warehouse_path.exists()


def test_without_the_secret_nothing_is_shown(olist, warehouse, monkeypatch):
    monkeypatch.delenv("OLIST_MASK_SALT")
    code, text = olist("sql", "--as", "analyst", f"SELECT customer_unique_id FROM {CUSTOMERS}")
    assert code == WRONG_USE
    assert "OLIST_MASK_SALT is not set" in text
