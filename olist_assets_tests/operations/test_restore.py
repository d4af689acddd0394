"""`olist restore`: the content of an earlier version by a new commit, and a log with broken entries repaired."""

import json
import shutil
from pathlib import Path
from typing import Literal

import dagster as dg
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from pyspark.errors import PySparkException

from olist_assets.contracts.quoting import spark_path
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.governance import audit_log
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.commit_metadata import commit_properties, user_metadata
from olist_assets.lakehouse.statistics import data_files
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.platform import Platform
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.conftest import ENGINE
from olist_assets_tests.lakehouse.versions import (
    FIELDS,
    FIRST,
    NAME,
    SECOND,
    OrderRow,
    as_columns,
    ids,
    log_file,
    one_line,
)
from olist_assets_tests.rows import arrow_rows, frame, store

PROFILES = GOLD_SEGMENT_PROFILES.name
DONE, WRONG_USE = 0, 2
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def write(path: Path, rows: list[OrderRow], mode: Literal["append", "overwrite"], metadata: str | None = None) -> None:
    properties = commit_properties(metadata) if metadata else None
    orders = arrow_rows(SILVER_ORDERS, *as_columns(rows)).cast(arrow_schema(SILVER_ORDERS))
    write_deltalake(str(path), orders, mode=mode, commit_properties=properties)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with silver_orders: created, FIRST at version 1, SECOND at version 2."""
    folder = tmp_path_factory.mktemp("versions") / "warehouse"
    path = folder / "silver" / NAME
    DeltaTable.create(str(path), arrow_schema(SILVER_ORDERS))
    write(path, FIRST, "append")
    write(path, SECOND, "overwrite", user_metadata(**FIELDS))
    return folder


@pytest.fixture
def versions(written: Path, warehouse: Warehouse) -> Warehouse:
    """A copy of that warehouse."""
    shutil.copytree(written, warehouse.root, copy_function=shutil.copyfile)
    return warehouse


@pytest.fixture
def third(versions: Warehouse) -> Warehouse:
    """A version 3 with one order more."""
    write(versions.path(NAME), [("z", 9, 1)], "append")
    return versions


def events(platform: Platform, name: str) -> list[tuple[str | None, dict]]:
    """The materializations of a table in Dagster: the day, or None for the whole table, and metadata but for sizes."""
    with platform.instance() as storage:
        records = storage.fetch_materializations(dg.AssetKey(name), limit=100).records
    found = [(record.partition_key, record.asset_materialization) for record in records]
    return [
        (day, {key: value.value for key, value in event.metadata.items() if key not in ("files", "bytes")})
        for day, event in found
        if event
    ]


@pytest.mark.engines
def test_restore_is_a_new_commit_which_is_audited_and_reported_to_dagster(olist, platform, versions):
    code, text = olist("restore", NAME, "--version", "1")
    assert code == DONE, text
    assert f"{NAME}: version 3 has the content of version 1: 3 rows, before 4" in text
    assert "Days changed: 2018-01-02..2018-01-04 (3 in all)" in text
    assert "olist stale" in text
    (entry,) = audit_log.latest(versions, 10, {"action": "restore"})
    assert (entry["tables"], entry["rows"], entry["statement"]) == ([NAME], 3, "to version 1 as version 3")
    assert ids(versions) == ["a", "b", "c"]
    assert ids(versions, version=2) == ["a", "b", "d", "e"]
    whole = {"dagster/row_count": 3, "delta_version": 3, "restored_version": 1}
    assert sorted(events(platform, NAME)) == [
        (day, {**whole, "dagster/partition_row_count": rows})
        for day, rows in (("2018-01-02", 1), ("2018-01-03", 1), ("2018-01-04", 0))
    ]
    newest = json.loads(olist("history", NAME, "--format", "json")[1])[0]
    assert (newest["operation"], newest["rows"], newest["notes"]) == ("RESTORE", 3, "restored_version: 1")


@pytest.mark.spark
def test_the_write_after_a_restore_by_spark_keeps_clustering_and_has_its_own_metadata(olist, spark, versions):
    path = versions.path(NAME)
    spark.sql(f"ALTER TABLE {spark_path(path)} CLUSTER BY (order_date)")
    frame(spark, SILVER_ORDERS, *as_columns(FIRST)).write.format("delta").mode("overwrite").save(str(path))
    assert olist("restore", NAME, "--version", "3")[0] == DONE
    assert ids(versions) == ["a", "b", "d", "e"]
    again = frame(spark, SILVER_ORDERS, *as_columns([("f", 3, 1)]))
    replacing = again.write.format("delta").option("replaceWhere", "order_date = DATE'2018-01-03'")
    replacing.mode("overwrite").save(str(path))
    assert ids(versions) == ["a", "b", "d", "e", "f"]
    assert spark.sql(f"DESCRIBE DETAIL {spark_path(path)}").first().clusteringColumns == ["order_date"]
    assert "userMetadata" not in (delta_log.commits(path)[0].info or {"userMetadata": "unreadable"})


def test_restore_of_a_table_without_days_is_one_event(olist, platform, warehouse):
    store(warehouse, GOLD_SEGMENT_PROFILES, {"segment": "a"})
    store(warehouse, GOLD_SEGMENT_PROFILES, {"segment": "a"}, {"segment": "b"})
    code, text = olist("restore", PROFILES, "--version", "1")
    assert code == DONE, text
    assert "Days changed" not in text
    assert events(platform, PROFILES) == [(None, {"dagster/row_count": 1, "delta_version": 3, "restored_version": 1})]
    assert olist("restore", PROFILES, "--version", "3")[0] == DONE
    assert len(events(platform, PROFILES)) == 1


def test_restore_of_the_newest_version_does_nothing(olist, platform, versions):
    code, text = olist("restore", NAME, "--version", "2")
    assert (code, f"{NAME} is at version 2, its newest: 4 rows. No commit was needed." in text) == (DONE, True)
    assert versions.open(NAME).version() == 2
    assert events(platform, NAME) == []


def test_a_table_whose_newest_data_are_lost_can_be_restored(olist, versions):
    for file in data_files(versions.open(NAME)):
        Path(file).unlink()
    code, text = olist("restore", NAME, "--version", "1")
    assert code == DONE, text
    assert ids(versions) == ["a", "b", "c"]
    assert "Days changed: 2018-01-01..2018-01-03 (3 in all)" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("restore", NAME, "--version", "0"), "had no data yet at version 0"),
        (("restore", NAME, "--version", "7"), "no version 7: its newest is 2"),
        (("restore", PROFILES, "--version", "1"), f"olist materialize --select {PROFILES}"),
        (("restore", "gold_nothing", "--version", "1"), "no table 'gold_nothing'"),
        (("restore", NAME), "Missing option '--version'"),
    ],
)
def test_wrong_use_is_one_message_and_changes_nothing(olist, versions, words, message):
    code, text = olist(*words)
    assert code == WRONG_USE
    assert message in one_line(text)
    assert "Traceback" not in text
    assert versions.open(NAME).version() == 2


def test_a_version_whose_files_were_vacuumed_is_refused(olist, versions):
    for file in data_files(versions.open(NAME, 1)):
        Path(file).unlink()
    code, text = olist("restore", NAME, "--version", "1")
    assert code == WRONG_USE
    assert f"Version 1 of {NAME} cannot be read any more: 1 of its data files are gone" in one_line(text)
    assert versions.open(NAME).version() == 2


@pytest.mark.spark
def test_an_error_of_spark_is_a_message_and_leaves_no_metadata_behind(olist, spark, platform, versions, monkeypatch):
    def refuse(_, query):
        assert json.loads(spark.conf.get(USER_METADATA))["restored_version"] == 1
        raise PySparkException(f"refused: {query}\nJVM stacktrace: ...")

    monkeypatch.setattr(type(spark), "sql", refuse)
    code, text = olist("restore", NAME, "--version", "1")
    assert (code, "Traceback" in text, "stacktrace" in text) == (WRONG_USE, False, False)
    assert f"Spark cannot restore {NAME} to version 1: refused: RESTORE TABLE" in one_line(text)
    assert spark.conf.get(USER_METADATA, None) is None
    assert events(platform, NAME) == []


@pytest.mark.skipif(ENGINE != "sail", reason="Spark restores by itself")
def test_an_error_of_deltalake_is_a_message(olist, platform, versions, monkeypatch):
    def refuse(*_, **__):
        raise DeltaError("refused\nand why")

    monkeypatch.setattr(DeltaTable, "restore", refuse)
    code, text = olist("restore", NAME, "--version", "1")
    assert (code, "Traceback" in text) == (WRONG_USE, False)
    assert f"deltalake cannot restore {NAME} to version 1: refused" in one_line(text)
    assert events(platform, NAME) == []


@pytest.mark.parametrize("rest", [300, 0], ids=["cut short", "empty"])
def test_a_broken_newest_entry_is_set_aside_by_a_restore(olist, third, rest):
    path, name = third.path(NAME), log_file(third, 3).name
    log_file(third, 3).write_bytes(log_file(third, 3).read_bytes()[:rest])
    code, text = olist("restore", NAME, "--version", "3")
    assert (code, "last readable version is 2" in one_line(text)) == (WRONG_USE, True)
    assert log_file(third, 3).exists()
    code, text = olist("restore", NAME, "--version", "1")
    assert code == DONE, text
    assert f"{name}.corrupt" in text
    assert "version 3 has the content of version 1: 3 rows, before 4" in text
    assert log_file(third, 3, "json.corrupt").stat().st_size == rest
    assert ids(third) == ["a", "b", "c"]
    write(path, [("y", 9, 1)], "append")
    assert ids(third) == ["a", "b", "c", "y"]


def test_a_repair_to_the_last_readable_version_needs_no_commit_and_keeps_earlier_files(olist, third, monkeypatch):
    monkeypatch.setattr(Platform, "engine", property(lambda _: pytest.fail("an engine was used")))
    log_file(third, 3, "json.corrupt").write_text("an earlier one")
    log_file(third, 3).write_text('{"add":')
    log_file(third, 3, "crc").write_text("{}")
    code, text = olist("restore", NAME, "--version", "2")
    assert code == DONE, text
    assert f"{NAME} is at version 2, its newest: 4 rows. No commit was needed." in text
    assert log_file(third, 3, "json.corrupt").read_text() == "an earlier one"
    assert log_file(third, 3, "json.corrupt1").read_text() == '{"add":'
    assert not log_file(third, 3).exists()
    assert not log_file(third, 3, "crc").exists()


def test_a_repair_is_reported_to_dagster_also_without_a_commit(olist, platform, third):
    store(third, GOLD_SEGMENT_PROFILES, {"segment": "a"})
    store(third, GOLD_SEGMENT_PROFILES, {"segment": "b"})
    broken = delta_log.commit(third.path(PROFILES), 2).path
    broken.write_text('{"add":')
    assert olist("restore", PROFILES, "--version", "1")[0] == DONE
    assert events(platform, PROFILES) == [(None, {"dagster/row_count": 1, "delta_version": 1, "restored_version": 1})]


def test_entries_after_a_broken_one_are_set_aside_with_it(olist, third):
    log_file(third, 2).write_text("\0\0\0")
    assert olist("restore", NAME, "--version", "1")[0] == DONE
    assert ids(third) == ["a", "b", "c"]
    assert log_file(third, 2, "json.corrupt").exists()
    assert log_file(third, 3, "json.corrupt").exists()


def test_a_broken_checkpoint_costs_no_version(olist, third):
    third.open(NAME).create_checkpoint()
    checkpoint = log_file(third, 3, "checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    code, text = olist("restore", NAME, "--version", "3")
    assert code == DONE, text
    assert ids(third) == ["a", "b", "d", "e", "z"]
    assert log_file(third, 3).exists()
