"""Law 5 across engines: the same data give the same tables and the same results of their checks on both."""

import shutil

import pyarrow as pa
import pytest

from olist_assets.catalog import catalog
from olist_assets.contracts.source_files import SOURCES
from olist_assets.operations.platform import Platform
from olist_assets.silver.cleaning import BAD_EVENT, REASONS
from olist_assets_tests.conftest import make, settings_in
from olist_assets_tests.engines.comparison import check_results, compared, compared_rows

pytestmark = pytest.mark.spark
TABLES = catalog().business_tables
# What models make is equal per flavour only, and each engine has its own flavour.
EQUAL = [name for name, table in TABLES.items() if table.layer != "ml"]
PROFILES = "gold_segment_profiles"
WITHOUT_MODELS = {PROFILES: "segment_kind <> 'kmeans'"}


def outcomes(platform: Platform) -> dict[tuple[str, str], object]:
    """The outcome of each check, and its metadata where no model made what it checks."""
    results = check_results(platform, {*TABLES, *platform.catalog.models})
    return {key: result if key[0] in EQUAL else result[0] for key, result in results.items()}


@pytest.mark.parametrize("name", EQUAL)
def test_both_engines_make_the_same_table(finished, by_sail, name):
    found = compared(name, finished.warehouse, by_sail.warehouse, WITHOUT_MODELS.get(name, "true"))
    assert found.differences == []
    assert found.rows == 0 if TABLES[name].may_be_empty else found.rows > 0


def test_all_checks_have_the_same_results_on_both_engines(finished, by_sail):
    spark, sail = outcomes(finished.platform), outcomes(by_sail)
    assert set(spark) == set(sail)
    assert len(spark) == len(finished.report.checks) > 300
    assert {key: (spark[key], sail[key]) for key in spark if spark[key] != sail[key]} == {}


@pytest.mark.parametrize("name", EQUAL)
def test_both_engines_make_the_same_table_from_dirty_data(dirty_by_both, name):
    spark, sail = dirty_by_both
    found = compared(name, spark.warehouse, sail.warehouse)
    assert found.differences == []
    assert found.rows > 0


def test_all_checks_have_the_same_results_on_dirty_data(dirty_by_both):
    spark, sail = map(outcomes, dirty_by_both)
    assert {table for table, _ in spark} == set(EQUAL)
    assert spark == sail


def test_the_dirty_data_have_every_kind_of_dirt(dirty, dirty_by_both):
    rejects = dirty_by_both[1].warehouse.open("silver_rejects").to_pyarrow_table()
    assert set(rejects["table"].to_pylist()) == {f"bronze_{subject}" for subject in SOURCES}
    assert set(rejects["reason"].to_pylist()) == {*REASONS} - {BAD_EVENT}
    reviews = (dirty / SOURCES["order_reviews"].name).read_bytes()
    messages = dirty_by_both[0].warehouse.open("bronze_order_reviews").to_pyarrow_table()["review_comment_message"]
    written = [text for text in messages.to_pylist() if text]
    assert b"\r\n" in reviews
    assert any("\n" in text for text in written)
    assert any('"' in text for text in written)
    assert (dirty / SOURCES["product_category_translation"].name).read_bytes().startswith("\ufeff".encode())


def test_the_segments_of_one_engine_have_the_same_profiles_on_the_other(spark, by_sail, tmp_path):
    settings = settings_in(tmp_path, by_sail.settings.data)
    shutil.copytree(by_sail.settings.warehouse_path, settings.warehouse_path)
    platform = Platform(settings)
    assert make(platform, PROFILES).succeeded
    assert platform.warehouse.open(PROFILES).version() == by_sail.warehouse.open(PROFILES).version() + 1
    assert compared(PROFILES, platform.warehouse, by_sail.warehouse).differences == []


def test_the_comparison_sees_a_value_the_sign_of_zero_and_a_repeated_row():
    def lines(*pairs: tuple[str, float]) -> list[str]:
        given, other = (pa.table({"a": [a for a, _ in rows], "b": [b for _, b in rows]}) for rows in (rows_of, pairs))
        return compared_rows(given, other).differences

    rows_of = (("x", 0.0), ("y", 1.0))
    assert lines(("y", 1.0), ("x", 0.0)) == []
    assert lines(("x", -0.0), ("y", 1.0)) == ["only in the first: ('x', '0.0')", "only in the second: ('x', '-0.0')"]
    assert lines(("x", 0.0), ("y", 1.0), ("y", 1.0)) == ["only in the second: ('y', '1.0')"]
    assert len(lines(("x", 0.0))) == 1
