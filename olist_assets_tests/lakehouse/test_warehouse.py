"""The warehouse: tables by name and version, what exists, and that its folder can be written."""

import errno
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from olist_assets.errors import OlistError
from olist_assets.gold.gold_daily_metrics import GOLD_DAILY_METRICS
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.lakehouse.delta_log import log_folder
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.warehouse import NotWrittenYet, TableBroken, TableMissing, Warehouse
from olist_assets_tests.lakehouse.versions import NAME, ids
from olist_assets_tests.rows import store

PROFILES = GOLD_SEGMENT_PROFILES.name


def test_a_table_is_in_the_folder_of_its_layer(warehouse: Warehouse):
    names = [NAME, PROFILES, "gold_customer_churn_predictions", "monitoring_tables"]
    parts = [warehouse.path(name).relative_to(warehouse.root).parts for name in names]
    assert parts == [("silver", NAME), ("gold", PROFILES), ("ml", names[2]), ("monitoring", names[3])]


def test_the_newest_version_is_opened_unless_another_is_named(versions):
    assert (versions.open(NAME).version(), versions.open(NAME, 1).version()) == (2, 1)
    assert ids(versions, version=1) == ["a", "b", "c"]


def test_a_table_that_was_only_created_is_missing(warehouse: Warehouse):
    with pytest.raises(TableMissing, match=f"Table {PROFILES} does not exist yet .*--select {PROFILES}"):
        warehouse.open(PROFILES)
    store(warehouse, GOLD_SEGMENT_PROFILES, {})
    log_file_of_rows = log_folder(warehouse.path(PROFILES)) / f"{1:020}.json"
    log_file_of_rows.unlink()
    assert open_delta(warehouse.path(PROFILES)).version() == 0
    with pytest.raises(TableMissing):
        warehouse.open(PROFILES)
    with pytest.raises(NotWrittenYet, match="had no data yet at version 0"):
        warehouse.open(PROFILES, 0)


def test_a_table_that_this_user_may_not_read_is_an_error_and_not_missing(warehouse: Warehouse, monkeypatch):
    def refuse(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    # As the system refuses it to anyone but root.
    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(OlistError, match=f"{PROFILES} cannot be read: Permission denied"):
        warehouse.existing_tables([PROFILES])


def test_a_table_that_is_replaced_by_an_empty_one_has_no_rows_but_exists(warehouse: Warehouse):
    store(warehouse, GOLD_SEGMENT_PROFILES, {})
    store(warehouse, GOLD_SEGMENT_PROFILES)
    assert warehouse.open(PROFILES).to_pyarrow_table().num_rows == 0


def test_existing_tables_are_those_that_were_written_in_the_catalogs_order(versions):
    store(versions, GOLD_SEGMENT_PROFILES, {})
    assert list(versions.existing_tables()) == [NAME, PROFILES]
    assert list(versions.existing_tables([PROFILES, "gold_daily_metrics"])) == [PROFILES]
    at_first = versions.existing_tables(opener=lambda name: versions.open(name, 1))
    assert {name: table.version() for name, table in at_first.items()} == {NAME: 1, PROFILES: 1}


def test_a_broken_table_is_an_error_and_not_missing(versions):
    for commit in log_folder(versions.path(NAME)).glob("*.json"):
        commit.write_text("{ nothing like it")
    with pytest.raises(TableBroken, match=NAME):
        versions.open(NAME)
    with pytest.raises(TableBroken):
        versions.existing_tables()


def test_the_version_before_is_the_last_one_that_can_be_read(third):
    before = third.version_before(NAME, 3)
    assert before is not None
    assert before.version() == 2
    # Of version 2 a data file is lost.
    (of_second,) = set(before.file_uris()) - set(third.open(NAME, 1).file_uris())
    Path(of_second).unlink()
    earlier = third.version_before(NAME, 3)
    assert earlier is not None
    assert earlier.version() == 1
    assert third.version_before(NAME, 1) is None
    assert third.version_before(PROFILES, 1) is None


def test_views_have_the_rows_of_the_opened_version(versions):
    with versions.sql({"new": versions.open(NAME), "old": versions.open(NAME, 1)}) as con:
        found = con.execute("SELECT order_id FROM new ANTI JOIN old USING (order_id) ORDER BY 1").fetchall()
    assert found == [("d",), ("e",)]


def test_rows_are_counted_by_day_and_days_without_rows_are_left_out(warehouse: Warehouse):
    days = (date(2018, 1, 1), date(2018, 1, 3), date(2018, 1, 3), date(2018, 1, 9))
    store(warehouse, GOLD_DAILY_METRICS, *({"order_date": day} for day in days))
    table = warehouse.open(GOLD_DAILY_METRICS.name)
    assert warehouse.rows_by_day(table, "order_date") == {"2018-01-01": 1, "2018-01-03": 2, "2018-01-09": 1}
    assert warehouse.rows_by_day(table, "order_date", "order_date < DATE'2018-01-03'") == {"2018-01-01": 1}


def test_a_new_warehouse_is_created_and_nothing_else_is_left_in_it(warehouse: Warehouse):
    assert not warehouse.root.exists()
    warehouse.require_writable()
    assert list(warehouse.root.iterdir()) == []


def test_a_warehouse_that_cannot_be_written_names_its_setting(warehouse: Warehouse):
    warehouse.root.write_text("a file where the folder should be")
    with pytest.raises(OlistError, match=r"Cannot write to the warehouse .*Set OLIST_WAREHOUSE"):
        warehouse.require_writable()


def test_a_table_has_one_writer_at_a_time(warehouse: Warehouse):
    waiting = Warehouse(warehouse.settings.model_copy(update={"lock_timeout": 0.1}), warehouse.catalog)
    path = warehouse.path(NAME)
    with (
        warehouse.lock(path, "the first"),
        pytest.raises(OlistError, match=rf"{NAME} is being written by .*\(the first\).*gave up after 0\.1 s"),
        waiting.lock(path, "the second"),
    ):
        pass
    with waiting.lock(path, "the third"), waiting.lock(warehouse.path(PROFILES), "another table"):
        pass


def test_the_lakehouse_imports_no_engine_and_no_dagster():
    code = """
import sys
from olist_assets.lakehouse import history_table, order_days, packaged_queries, past_versions, time_travel
print({"pyspark", "dagster"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
