"""Every value of every silver and gold table against the same rules in SQL, over the CSV files.

Runs on the sample always, and on the published dataset if OLIST_DATA names it.
"""

import dagster as dg
import duckdb
import pytest

from olist_assets.catalog import catalog
from olist_assets.contracts.calendar import PUBLISHED, each_day
from olist_assets.lakehouse.statistics import statistics
from olist_assets.source.files import source_folder
from olist_assets_tests.conftest import REAL_DATA, FinishedRun, make_everything, needs_published_data
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
    "silver_customers": 99_441,
    "silver_products": 32_951,
    "silver_sellers": 3_095,
    "silver_geolocation": 19_015,
    "silver_purchases": 99_441,
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
    "gold_demand_forecasts": 235_032,
    "gold_reorder_points": 8_541,
}

ASSIGNED = "gold_customer_segments_ml"


def oracle_over(run: FinishedRun) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    load_csvs(con, source_folder(run.settings))
    # The segment of a customer is decided by the model; the profile of each segment is computed.
    con.register(ASSIGNED, delta_rows(run.warehouse.open(ASSIGNED)))
    build_oracle(con)
    return con


def differing(con, run, name):
    return differences(con, name, str(run.warehouse.path(name)), catalog().table(name).key)


@pytest.fixture(scope="module")
def published(spark, tmp_path_factory) -> FinishedRun:
    """A complete run over the published dataset."""
    del spark
    assert REAL_DATA is not None
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
def test_every_value_of_the_sample_is_that_of_the_oracle(sample_oracle, finished, name):
    assert differing(sample_oracle, finished, name) == []


@needs_published_data
@pytest.mark.parametrize("name", ORACLE_TABLES)
def test_every_value_of_the_published_data_is_that_of_the_oracle(published_oracle, published, name):
    assert differing(published_oracle, published, name) == []


def test_the_oracle_covers_every_table_of_these_layers():
    computed = {name for name, table in catalog().tables.items() if table.layer in ("silver", "gold")}
    assert set(ORACLE_TABLES) == computed - {"silver_rejects"}


def test_the_comparison_sees_a_cent(sample_oracle, finished):
    sample_oracle.execute(
        "CREATE TEMP TABLE silver_order_payments_off AS SELECT * REPLACE "
        "(CASE WHEN order_id = (SELECT min(order_id) FROM silver_order_payments) THEN total_payment_value + 0.01 "
        "ELSE total_payment_value END::DECIMAL(12, 2) AS total_payment_value) FROM silver_order_payments"
    )
    path = str(finished.warehouse.path("silver_order_payments"))
    (line,) = differences(sample_oracle, "silver_order_payments_off", path, ("order_id",))
    assert "total_payment_value: 1 rows differ" in line


@needs_published_data
@pytest.mark.parametrize("name", PUBLISHED_ROWS)
def test_the_published_tables_have_their_known_numbers_of_rows(published, name):
    assert statistics(published.warehouse.open(name)).rows == PUBLISHED_ROWS[name]


@needs_published_data
def test_all_checks_of_the_published_data_pass_but_for_the_known_warnings(published):
    assert published.report.succeeded, published.report
    # The label of the classic model is a function of its first feature, which a check reports on purpose. Unusual are
    # Black Friday, the truckers' strike of May 2018, and a day of June 2017 with few orders.
    warned = {check.check_name: check.metadata for check in published.report.warnings}
    assert set(warned) == {"features_do_not_leak_the_label", "volume_is_usual"}
    days = warned["volume_is_usual"]["unusual_days"].value
    assert set(days) == {  # pyright: ignore[reportArgumentType]
        "2017-06-21", "2017-11-24", "2017-11-25", "2018-05-23", "2018-05-24", "2018-05-25", "2018-05-28",
    }  # fmt: skip


@pytest.mark.parametrize("run", ["finished", pytest.param("published", marks=needs_published_data)])
def test_every_day_of_the_daily_tables_is_materialized(run, request):
    run = request.getfixturevalue(run)
    days = set(map(str, each_day(run.platform.calendar.days)))
    assert len(days) > 700
    with run.platform.instance() as storage:
        for name in catalog().daily_tables:
            assert storage.get_materialized_partitions(dg.AssetKey(name)) == days, name


@needs_published_data
def test_the_published_dataset_has_its_known_days(published):
    assert published.platform.calendar == PUBLISHED


def test_the_sample_has_cities_without_a_delivered_order_whose_customers_are_not_counted(sample_oracle):
    counts = "SELECT DISTINCT unique_customers FROM gold_geographic_metrics WHERE total_orders = 0"
    assert sample_oracle.execute(counts).fetchall() == [(0,)]
