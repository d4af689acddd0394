"""Statistics of a version, from the Delta log alone."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.lakehouse.delta_log import commit
from olist_assets.lakehouse.statistics import (
    data_files,
    day_bounds,
    files_with_highest,
    location,
    missing_files,
    statistics,
    written_at,
)
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.lakehouse.versions import NAME
from olist_assets_tests.rows import store


def test_statistics_are_those_of_the_newest_version(warehouse: Warehouse):
    store(warehouse, GOLD_SEGMENT_PROFILES, {"segment": "old"})
    store(warehouse, GOLD_SEGMENT_PROFILES, {"segment": "a", "avg_review_score": None}, {"segment": "b"}, {})
    found = statistics(warehouse.open(GOLD_SEGMENT_PROFILES.name))
    assert (found.rows, found.nulls["segment"], found.nulls["avg_review_score"]) == (3, 0, 3)
    assert found.files == 1
    assert found.bytes == Path(data_files(warehouse.open(GOLD_SEGMENT_PROFILES.name))[0]).stat().st_size


def test_statistics_add_up_over_files(third):
    found = statistics(third.open(NAME))
    assert (found.rows, found.files, found.nulls["delivery_days"]) == (5, 2, 2)


def test_day_bounds_are_the_first_and_last_day_with_a_row(third):
    assert day_bounds(third.open(NAME), "order_date") == (date(2018, 1, 1), date(2018, 1, 9))


def test_a_table_without_rows_has_no_bounds(warehouse: Warehouse):
    store(warehouse, SILVER_ORDERS, {})
    store(warehouse, SILVER_ORDERS)
    empty = warehouse.open(NAME)
    assert day_bounds(empty, "order_date") is None
    assert (statistics(empty).rows, statistics(empty).bytes, statistics(empty).files) == (0, 0, 0)


def test_only_files_that_may_have_the_highest_value_of_a_column_are_named(third):
    table = third.open(NAME)
    early, late = sorted(data_files(table), key=lambda file: max(pq.read_table(file)["order_date"].to_pylist()))
    assert files_with_highest(table, "order_date") == [late]
    assert early != late
    # Without bounds, each may have it.
    assert files_with_highest(table, "nowhere") == data_files(table)


def test_data_files_have_paths_as_they_are_on_the_disk(settings, warehouse: Warehouse, tmp_path):
    store(warehouse, SILVER_ORDERS, {})
    moved = warehouse.root.rename(tmp_path / "a wärehouse")
    elsewhere = Warehouse(settings.model_copy(update={"warehouse": str(moved)}), warehouse.catalog)
    table = elsewhere.open(NAME)
    (file,) = data_files(table)
    assert Path(file).is_relative_to(moved)
    assert missing_files(table) == []
    Path(file).unlink()
    assert missing_files(table) == [file]
    assert Path(str(location(table))) == elsewhere.path(NAME)


def test_a_version_was_written_when_its_commit_says(versions):
    assert written_at(versions.open(NAME, 1)) == commit(versions.path(NAME), 1).at
    assert datetime.now(UTC) - written_at(versions.open(NAME)) < timedelta(minutes=5)
