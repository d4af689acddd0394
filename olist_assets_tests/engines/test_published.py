"""Law 5 across engines on the published dataset, with a table of what was compared: `make test-engines`."""

import sys

import pytest
from pyspark.sql import SparkSession

from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import REAL_DATA, needs_published_data, settings_in
from olist_assets_tests.engines.comparison import check_results, compared
from olist_assets_tests.engines.conftest import made_by_sail, made_by_spark
from olist_assets_tests.engines.sail import OlistOnSail
from olist_assets_tests.engines.test_law_5_engines import EQUAL

pytestmark = [pytest.mark.published_engines, needs_published_data]


@pytest.fixture(scope="module")
def both(
    spark: SparkSession, olist_on_sail: OlistOnSail, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Platform, Platform]:
    """Everything made by Sail, and bronze, silver and gold made by Spark with Sail's segments of customers."""
    assert REAL_DATA is not None
    sail = made_by_sail(olist_on_sail, settings_in(tmp_path_factory.mktemp("published_by_sail"), REAL_DATA))
    return made_by_spark(settings_in(tmp_path_factory.mktemp("published_by_spark"), REAL_DATA), sail), sail


def test_both_engines_make_the_same_tables_from_the_published_data(both):
    spark, sail = (platform.warehouse for platform in both)
    found = {name: compared(name, spark, sail) for name in EQUAL}
    for name, comparison in found.items():
        sys.stdout.write(f"{name:<38} {comparison.rows:>9,} rows  {len(comparison.differences)} differences\n")
    sys.stdout.write(f"{len(found)} tables, {sum(each.rows for each in found.values()):,} rows compared\n")
    assert [line for comparison in found.values() for line in comparison.differences] == []
    assert [name for name, comparison in found.items() if not comparison.rows] == ["silver_rejects"]


def test_all_checks_of_the_published_data_have_the_same_results(both):
    spark, sail = (check_results(platform, EQUAL) for platform in both)
    sys.stdout.write(f"{len(spark)} results of checks compared\n")
    assert len(spark) > 250
    assert spark == sail
