"""The tables of a query are those that DuckDB's binder finds."""

import duckdb
import pytest

from olist_assets.contracts.catalog import Catalog
from olist_assets.lakehouse.table_names import tables_bound
from olist_assets.settings import Settings

DAILY, ORDERS = ("gold_daily_metrics",), ("silver_orders",)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("FROM GOLD_Daily_Metrics", DAILY),
        ('SELECT "revenue" FROM "Gold_Daily_Metrics"', DAILY),
        ("FROM main.gold_daily_metrics", DAILY),
        ("FROM memory.main.gold_daily_metrics", DAILY),
        ("FROM query('FROM gold_daily_metrics')", DAILY),
        ("FROM query('FROM query(''FROM Gold_Daily_Metrics'')')", DAILY),
        ("FROM query_table('gold_daily_metrics')", DAILY),
        ("SELECT (SELECT count(*) FROM silver_orders) FROM gold_daily_metrics", ORDERS + DAILY),
        ("FROM gold_daily_metrics WHERE false", DAILY),
        ("SELECT nothing FROM silver_orders", ORDERS),
        ("FROM nowhere JOIN silver_orders ON true", ORDERS),
        ("WITH silver_orders AS (FROM gold_daily_metrics) FROM silver_orders", DAILY),
        ("WITH gold_daily_metrics AS (SELECT 1) FROM gold_daily_metrics", ()),
        ("SELECT 1 AS silver_orders -- gold_daily_metrics", ()),
        ("SELECT 'silver_orders'", ()),
        ("COPY gold_daily_metrics TO 'x.csv'", DAILY),
        ("COPY (FROM gold_daily_metrics) TO 'x.csv'", DAILY),
        ("INSERT INTO gold_daily_metrics FROM silver_orders", ORDERS + DAILY),
        ("CREATE VIEW v AS FROM gold_daily_metrics; FROM v", DAILY),
        ("CREATE MACRO m() AS TABLE FROM Gold_Daily_Metrics", DAILY),
        ("PREPARE p AS FROM silver_orders", ORDERS),
        ("SET VARIABLE x = (SELECT 1 FROM silver_orders)", ORDERS),
        ("PIVOT gold_customer_metrics ON customer_state USING count(*)", ("gold_customer_metrics",)),
        ("DESCRIBE gold_daily_metrics", DAILY),
        ("SUMMARIZE gold_daily_metrics", DAILY),
        ("EXPLAIN ANALYZE FROM gold_daily_metrics", DAILY),
        ("PRAGMA table_info('gold_daily_metrics')", DAILY),
        ("FROM gold_daily_metrics WHERE revenue > $least", DAILY),
        ("FROM gold_daily_metrics, read_csv('/etc/passwd')", DAILY),
        ("FROM read_csv('/etc/passwd')", ()),
        ("", ()),
    ],
)
def test_tables_are_those_of_the_binder(settings: Settings, tables: Catalog, query: str, names: tuple[str, ...]):
    assert sorted(tables_bound(settings, tables.tables, query)) == sorted(names)


@pytest.mark.parametrize(
    "query",
    [
        "EXPORT DATABASE 'x'",
        "FROM query('FROM gold_' || 'daily_metrics')",
        "FROM QUERY_TABLE('gold_daily_' || 'metrics')",
        "FROM query('FROM query(''FROM gold_'' || ''daily_metrics'')')",
        "FROM query_table(['gold_daily_metrics', 'silver_orders'])",
        "FROM query($text)",
    ],
)
def test_what_may_read_any_table_counts_for_all(settings: Settings, tables: Catalog, query: str):
    assert set(tables_bound(settings, tables.tables, query)) == set(tables.tables)


def test_no_part_of_a_query_is_executed(settings: Settings, tables: Catalog):
    """It would take a minute and 8 GB, or never end."""
    for query in ("query(lpad('x', 2000000000))", "range(lpad('1', 2000000000)::INT)", "repeat('x', 10**15::INT8)"):
        assert tables_bound(settings, tables.tables, f"FROM {query}, silver_orders") is not None


def test_what_is_no_sql_is_refused(settings: Settings, tables: Catalog):
    with pytest.raises(duckdb.ParserException):
        tables_bound(settings, tables.tables, "FROM silver_orders WHERE")
