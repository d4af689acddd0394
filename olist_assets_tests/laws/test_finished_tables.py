"""Laws 4, 5, 6 and 7 on the tables of a finished run: contracts, determinism, accounting, one commit per table."""

import shutil

import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.schemas import shape
from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import make, settings_in
from olist_assets_tests.rows import stored_rows

TABLES = catalog().business_tables
ACCOUNTED = {name: table.accounting.source for name, table in TABLES.items() if table.accounting}


@pytest.mark.parametrize("name", TABLES)
def test_law_4_the_stored_table_is_that_of_the_contract(finished, name):
    delta, columns = finished.warehouse.open(name), TABLES[name].columns
    assert list(shape(delta).items()) == [(c.name, (c.type, c.nullable)) for c in columns]
    assert [field.metadata.get("comment") for field in delta.schema().fields] == [c.description for c in columns]


def test_laws_5_and_7_a_second_run_with_other_parallelism_is_one_commit_per_table_and_changes_no_value(
    finished, spark, tmp_path
):
    settings = settings_in(tmp_path, finished.data)
    # Without MLflow's folder, so that the models are trained from nothing, as version 1.
    shutil.copytree(finished.settings.warehouse_path, settings.warehouse_path, ignore=shutil.ignore_patterns("mlflow"))
    platform = Platform(settings)
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "7")
    try:
        assert make(platform, "*").succeeded
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    for name in TABLES:
        versions = [warehouse.open(name).version() for warehouse in (finished.warehouse, platform.warehouse)]
        assert versions[1] - versions[0] == 1, name
        assert stored_rows(platform.warehouse, name) == stored_rows(finished.warehouse, name), name


def evaluated(finished, check_name):
    """The evaluations of a check in the finished run, by table."""
    found = [check for check in finished.report.checks if check.check_name == check_name]
    by_table = {check.asset_key.to_user_string(): check for check in found}
    assert len(by_table) == len(found)
    return by_table


def test_law_6_every_record_of_a_file_is_in_bronze(finished):
    checks = evaluated(finished, "row_count_matches_file")
    assert set(checks) == {name for name, table in TABLES.items() if table.source}
    for name, check in checks.items():
        assert check.passed, name
        assert check.metadata["rows"].value == check.metadata["records"].value > 0, name


def test_law_6_every_table_that_is_cleaned_or_joined_accounts_for_its_source():
    # Every translation is in silver_rejects or used by the products of its category; no table counts them.
    cleaned = {name for name, table in TABLES.items() if table.source} - {"bronze_product_category_translation"}
    assert set(ACCOUNTED.values()) == cleaned | {"silver_orders"}
    assert len(ACCOUNTED) == 10


def test_law_6_every_accounted_table_was_checked_and_lost_no_row(finished):
    checks = evaluated(finished, "nothing_is_lost")
    assert set(checks) == set(ACCOUNTED)
    for name, check in checks.items():
        assert check.passed, name
        assert check.metadata["lost"].value == 0, name
        assert check.metadata["source_rows"].value == finished.report.rows[ACCOUNTED[name]] > 0, name
