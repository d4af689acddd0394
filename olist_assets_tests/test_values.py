"""Every value of every silver and gold table against the same rules in SQL, over the CSV files.

Runs on the sample always, and on the published dataset where it is (OLIST_DATA, or shared/olist beside the project).
"""

import dagster as dg
import duckdb
import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import table, tables
from olist_assets.orchestration.instance import instance
from olist_assets.partitions import daily_orders
from olist_assets.source.files import source_folder
from olist_assets_tests.conftest import REAL_DATA, FinishedRun, make_everything
from olist_assets_tests.oracle.compare import ORACLE_TABLES, build_oracle, delta_rows, differences, load_csvs

PUBLISHED_ROWS = {
    "bronze_customers": 99_441,
    "bronze_orders": 99_441,
    "bronze_order_items": 112_650,
    "bronze_order_payments": 103_886,
    "bronze_order_reviews": 99_224,
    "bronze_products": 32_951,
    "bronze_sellers": 3_095,
    "bronze_geolocation": 1_000_163,
    "bronze_product_category_translation": 71,
    "silver_orders": 96_478,
    "silver_order_items": 112_650,
    "silver_order_payments": 99_440,
    "silver_order_reviews": 98_410,
    "silver_orders_master": 96_478,
    "silver_rejects": 0,
    "gold_customer_metrics": 96_096,
    "gold_product_metrics": 32_951,
    "gold_category_metrics": 74,
    "gold_geographic_metrics": 4_310,
    "gold_daily_metrics": 774,
    "gold_segment_profiles": 14,
    "gold_customer_segments_ml": 93_358,
    "gold_customer_churn_predictions": 93_358,
}

ASSIGNED = "gold_customer_segments_ml"


def oracle_over(run: FinishedRun) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    load_csvs(con, source_folder(run.settings))
    # Which segment a customer is in is the model's word; what the segments have in common is computed.
    con.register(ASSIGNED, delta_rows(lakehouse.open_table(run.settings, ASSIGNED)))
    build_oracle(con)
    return con


def differing(con, run, name):
    return differences(con, name, str(lakehouse.table_path(run.settings, name)), table(name).key)


@pytest.fixture(scope="module")
def published(spark, tmp_path_factory) -> FinishedRun:
    """Everything made from the published dataset."""
    del spark
    if not REAL_DATA.exists():
        pytest.skip(f"the published dataset is not at {REAL_DATA}: set OLIST_DATA to test with it")
    return make_everything(tmp_path_factory.mktemp("published"), REAL_DATA)


@pytest.fixture(scope="module")
def sample_oracle(finished):
    with oracle_over(finished) as con:
        yield con


@pytest.fixture(scope="module")
def published_oracle(published):
    with oracle_over(published) as con:
        yield con


@pytest.mark.parametrize("name", ORACLE_TABLES)
def test_sample_values(sample_oracle, finished, name):
    assert differing(sample_oracle, finished, name) == []


@pytest.mark.parametrize("name", ORACLE_TABLES)
def test_published_values(published_oracle, published, name):
    assert differing(published_oracle, published, name) == []


def test_the_oracle_covers_every_table_of_these_layers():
    computed = {name for name, made in tables().items() if made.layer in ("silver", "gold")} - {"silver_rejects"}
    assert set(ORACLE_TABLES) == computed


def test_the_comparison_sees_a_cent(sample_oracle, finished):
    sample_oracle.execute(
        "CREATE TEMP TABLE silver_order_payments_off AS SELECT * REPLACE "
        "(CASE WHEN order_id = (SELECT min(order_id) FROM silver_order_payments) THEN total_payment_value + 0.01 "
        "ELSE total_payment_value END::DECIMAL(12, 2) AS total_payment_value) FROM silver_order_payments"
    )
    path = str(lakehouse.table_path(finished.settings, "silver_order_payments"))
    (line,) = differences(sample_oracle, "silver_order_payments_off", path, ("order_id",))
    assert "total_payment_value: 1 rows differ" in line


@pytest.mark.parametrize("name", PUBLISHED_ROWS)
def test_published_row_counts(published, name):
    assert lakehouse.statistics(lakehouse.open_table(published.settings, name))["rows"] == PUBLISHED_ROWS[name]


def test_published_checks_all_pass(published):
    assert published.report.succeeded, published.report
    # The classic model's label is a function of its first feature: that stands there for all to see.
    # And Black Friday, the truckers' strike of May 2018 and the day of June 2017 with few orders stand out.
    warned = {check.check_name: check.metadata for check in published.report.warnings}
    assert set(warned) == {"features_do_not_leak_the_label", "volume_is_usual"}
    days = warned["volume_is_usual"]["unusual_days"].value
    assert set(days) == {  # pyright: ignore[reportArgumentType]
        "2017-06-21", "2017-11-24", "2017-11-25", "2018-05-23", "2018-05-24", "2018-05-25", "2018-05-28",
    }  # fmt: skip


@pytest.mark.parametrize("run", ["finished", "published"])
def test_every_day_stands_as_materialized(run, request, monkeypatch):
    request.getfixturevalue(run).use(monkeypatch)
    with instance() as storage:
        for name in ("silver_orders", "silver_orders_master", "gold_daily_metrics"):
            made = storage.get_materialized_partitions(dg.AssetKey(name))
            assert made == set(daily_orders.get_partition_keys()), name
