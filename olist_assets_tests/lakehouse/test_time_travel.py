"""Versions of a table: what they say, SQL at one, what differs between two, and back to one."""

import csv
import io
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable
from pyspark.errors import PySparkException

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.bronze.snapshots import BRONZE
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.orchestration.instance import instance
from olist_assets.engine.spark.session import Spark
from olist_assets.settings import Settings
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.conftest import write_delta
from olist_assets_tests.rows import frame

NAME, PROFILES = SILVER_ORDERS.name, GOLD_SEGMENT_PROFILES.name
DONE, WRONG_USE = 0, 2
RUN = "0a1b2c3d-aaaa-bbbb-cccc-000000000000"
AUDIT = {"run_id": RUN, "partitions": "2018-01-01..2018-01-04", "code_version": None, "refreshed": "2018-02-01"}
FIRST = [("a", 1, None), ("b", 2, 5), ("c", 3, 5)]
SECOND = [("a", 1, None), ("b", 2, None), ("d", 4, 5), ("e", 4, 5)]


def orders(spark, rows):
    columns = [
        {"order_id": id_, "order_date": date(2018, 1, day), "delivery_days": days, "customer_id": "x"}
        for id_, day, days in rows
    ]
    return frame(spark, SILVER_ORDERS, *columns).coalesce(1)


@pytest.fixture(scope="module")
def warehouse(spark, tmp_path_factory):
    """silver_orders, made as the IO manager makes it: created, FIRST at version 1, SECOND at version 2."""
    folder = tmp_path_factory.mktemp("versions") / "warehouse"
    path = folder / "silver" / NAME
    spark.sql(
        f"CREATE TABLE delta.`{path}` ({SILVER_ORDERS.ddl()}) USING DELTA CLUSTER BY (order_date) "
        f"TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')"
    )
    orders(spark, FIRST).write.format("delta").mode("append").save(str(path))
    writer = orders(spark, SECOND).write.format("delta").option("userMetadata", json.dumps(AUDIT))
    writer.mode("overwrite").save(str(path))
    return folder


@pytest.fixture
def versions(warehouse, settings: Settings):
    """A copy of the warehouse: its files are all newer than what they tell of."""
    shutil.copytree(warehouse, settings.warehouse_path, copy_function=shutil.copyfile)
    return settings


def ids(settings, name=NAME, version=None):
    table = lakehouse.open_table(settings, name, version)
    return sorted(table.to_pyarrow_table()[SILVER_ORDERS.key[0]].to_pylist())


def log(settings, version, suffix="json") -> Path:
    return lakehouse.table_path(settings, NAME) / "_delta_log" / f"{version:020}.{suffix}"


def rewrite_info(path, info):
    """Make a commit one of another writer, or with None one that says nothing of itself."""
    actions = [line for line in path.read_text().splitlines() if "commitInfo" not in json.loads(line)]
    said = [json.dumps({"commitInfo": info})] if info is not None else []
    path.write_text("\n".join([*said, *actions]) + "\n")


def events(name):
    """What Dagster heard of a table: figures by day, or by None for the whole."""
    with instance() as storage:
        records = storage.fetch_materializations(dg.AssetKey(name), limit=100).records
    heard = [(record.partition_key, record.asset_materialization) for record in records]
    return [(day, {key: text.value for key, text in made.metadata.items()}) for day, made in heard if made]


def one_line(text):
    return " ".join(text.split())


def test_history_tells_what_the_commits_say(olist, versions):
    code, text = olist("history", NAME, "--format", "json")
    newest, first, created = json.loads(text)
    assert code == DONE
    assert [v["version"] for v in (newest, first, created)] == [2, 1, 0]
    assert [v["operation"] for v in (newest, first, created)] == ["WRITE", "WRITE", "CREATE TABLE"]
    assert (newest["run_id"], newest["partitions"]) == (RUN, AUDIT["partitions"])
    assert newest["notes"] == "refreshed: 2018-02-01"
    assert (newest["rows"], newest["written"]) == (4, 4)
    assert (first["rows"], first["written"], first["run_id"]) == (3, 3, None)
    assert newest["who"].startswith("Apache-Spark/")
    assert first["at"] < newest["at"]
    code, text = olist("history", NAME)
    assert all(word in text for word in (RUN[:8], AUDIT["partitions"], "CREATE TABLE", "refreshed: 2018-02-01"))
    assert RUN not in text
    _, text = olist("history", NAME, "--limit", "1", "--format", "csv")
    assert [row["version"] for row in csv.DictReader(io.StringIO(text))] == ["2"]


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        (
            {"operation": "WRITE", "userMetadata": "[by hand]", "clientVersion": "delta-rs.1"},
            ["[by hand]", "delta-rs.1"],
        ),
        ({"operation": "MERGE", "userMetadata": '["a list"]', "userName": "ann"}, ["MERGE", "a list", "ann"]),
        ({"operation": "WRITE", "operationMetrics": {"num_added_rows": 77}}, ["77"]),
        ({"userMetadata": '{"run_id": 12, "partitions": ["x"]}', "operationMetrics": {"numOutputRows": "?"}}, ["12"]),
        ({}, []),
        (None, []),
    ],
)
def test_history_shows_what_there_is_of_other_writers_commits(olist, versions, info, shown):
    rewrite_info(log(versions, 1), info)
    code, text = olist("history", NAME)
    assert code == DONE
    assert all(word in text for word in shown), text
    # The other versions keep their numbers.
    versions_told = json.loads(olist("history", NAME, "--format", "json")[1])
    assert [v["version"] for v in versions_told] == [2, 1, 0]
    assert (versions_told[0]["run_id"], versions_told[2]["operation"]) == (RUN, "CREATE TABLE")


def test_a_restore_by_others_shows_its_version(olist, versions):
    rewrite_info(log(versions, 2), {"operation": "RESTORE", "operationParameters": {"version": 0}})
    assert "restored_version: 0" in olist("history", NAME)[1]


def test_sql_at_a_version(olist, versions):
    query = f"SELECT string_agg(order_id, '' ORDER BY order_id) AS ids FROM {NAME}"
    assert olist("sql", "--format", "csv", "--version", "1", query) == (DONE, "ids\nabc\n")
    assert olist("sql", "--format", "csv", "--version", "2", query) == (DONE, "ids\nabde\n")
    assert olist("sql", "--format", "csv", query) == (DONE, "ids\nabde\n")


def test_sql_as_of_goes_by_the_commits_not_by_their_files(olist, versions):
    committed = {commit.version: commit.at for commit in delta_log.commits(lakehouse.table_path(versions, NAME))}
    query = f"SELECT count(*) AS n FROM {NAME}"
    moments = [(committed[1], 3), (committed[2] - timedelta(milliseconds=1), 3), (committed[2], 4)]
    for moment, rows in moments:
        assert olist("sql", "--format", "csv", "--as-of", moment.isoformat(), query) == (DONE, f"n\n{rows}\n")
    # Without a zone it is UTC; a date alone is its first moment.
    local = committed[1].replace(tzinfo=None).isoformat(" ")
    assert olist("sql", "--format", "csv", "--as-of", local, query) == (DONE, "n\n3\n")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert olist("sql", "--format", "csv", "--as-of", str(tomorrow), query) == (DONE, "n\n4\n")
    code, text = olist("sql", "--as-of", str(committed[1].date()), query)
    assert (code, f"{NAME} held nothing yet at {committed[1].date()} 00:00:00 UTC" in text) == (WRONG_USE, True)


def test_sql_as_of_without_a_table_means_those_there_were(olist, spark, versions):
    then = datetime.now(UTC)
    write_delta(spark, versions, GOLD_SEGMENT_PROFILES, {"segment": "a"})
    assert olist("sql", "--format", "csv", "SHOW TABLES") == (DONE, f"name\n{PROFILES}\n{NAME}\n")
    assert olist("sql", "--format", "csv", "--as-of", then.isoformat(), "SHOW TABLES") == (DONE, f"name\n{NAME}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sql", "--version", "1", f"FROM {NAME}, {PROFILES}"), f"the query names {NAME}, {PROFILES}"),
        (("sql", "--version", "1", "SHOW TABLES"), "the query names no table"),
        (("sql", "--version", "0", f"FROM {NAME}"), f"Table {NAME} held nothing yet at version 0"),
        (("sql", "--version", "7", f"FROM {NAME}"), f"{NAME} has no version 7: its newest is 2"),
        (("sql", "--version", "1", f"FROM {PROFILES}"), f"olist materialize --select {PROFILES}"),
        (("sql", "--as-of", "2030-01-01", f"FROM {PROFILES}"), f"olist materialize --select {PROFILES}"),
        (("sql", "--as-of", "2016-01-01", f"FROM {NAME}"), f"Table {NAME} held nothing yet at 2016-01-01 00:00:00 UTC"),
        (("sql", "--as-of", "yesterday", f"FROM {NAME}"), "'yesterday' is not a time like"),
        (("sql", "--as-of", "2018-01-01", "--version", "1", f"FROM {NAME}"), "exclude each other"),
        (("history", "gold_nothing"), "no table 'gold_nothing'"),
        (("history", PROFILES), f"olist materialize --select {PROFILES}"),
        (("diff", NAME, "1", "7"), "no version 7: its newest is 2"),
        (("diff", NAME, "0", "1"), "held nothing yet at version 0"),
        (("diff", "gold_nothing", "1", "2"), "no table 'gold_nothing'"),
        (("restore", NAME, "--version", "0"), "held nothing yet at version 0"),
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
    assert lakehouse.open_table(versions, NAME).version() == 2


def test_a_version_whose_files_were_vacuumed_says_so(olist, versions):
    for file in lakehouse.data_files(lakehouse.open_table(versions, NAME, 1)):
        Path(file).unlink()
    for words in (
        ("sql", "--version", "1", f"FROM {NAME}"),
        ("restore", NAME, "--version", "1"),
        ("diff", NAME, "1", "2"),
    ):
        code, text = olist(*words)
        assert code == WRONG_USE
        assert f"Version 1 of {NAME} cannot be read any more: 1 of its data files are gone" in one_line(text)
    assert olist("sql", f"FROM {NAME}")[0] == DONE
    assert olist("history", NAME)[0] == DONE
    assert lakehouse.open_table(versions, NAME).version() == 2


def test_a_version_that_the_log_tells_no_longer_in_full_is_refused(olist, versions):
    DeltaTable(str(lakehouse.table_path(versions, NAME))).create_checkpoint()
    log(versions, 0).unlink()
    code, text = olist("sql", "--version", "1", f"FROM {NAME}")
    assert (code, "no version 1: what its log said of that time is gone" in one_line(text)) == (WRONG_USE, True)
    assert olist("sql", "--version", "2", f"FROM {NAME}")[0] == DONE
    _, text = olist("history", NAME, "--format", "json")
    assert [(v["version"], v["rows"]) for v in json.loads(text)] == [(2, 4), (1, None)]


def test_diff_of_a_daily_table(olist, versions):
    code, text = olist("diff", NAME, "1", "2")
    assert code == DONE
    assert f"{NAME}, version 1 to 2, by order_id" in text
    assert "added 2, removed 1, changed 1, unchanged 1" in text
    assert "days: 2018-01-02..2018-01-04 (3 in all)" in text
    assert "changed rows by column: delivery_days 1" in text
    lines = text.splitlines()
    assert [line[:12] for line in lines if line[:2] in ("+ ", "- ")] == ["+ order_id=d", "+ order_id=e", "- order_id=c"]
    assert "~ order_id=b: delivery_days=5 -> None" in lines
    code, text = olist("diff", "--limit", "1", NAME, "2", "1")
    assert "added 1, removed 2, changed 1, unchanged 1" in text
    assert [line[:12] for line in text.splitlines() if line[:2] in ("+ ", "- ")] == ["+ order_id=c", "- order_id=d"]
    code, text = olist("diff", NAME, "2", "2")
    assert "added 0, removed 0, changed 0, unchanged 4" in text


def test_diff_of_bronze_compares_whole_rows_but_not_when_they_were_read(olist, spark, settings):
    sellers = BRONZE["sellers"]
    at = (datetime(2018, 1, 1), datetime(2018, 1, 2))
    write_delta(spark, settings, sellers, *({"seller_id": id_, "ingestion_timestamp": at[0]} for id_ in "aab"))
    write_delta(spark, settings, sellers, *({"seller_id": id_, "ingestion_timestamp": at[1]} for id_ in "abcc"))
    code, text = olist("diff", sellers.name, "1", "2")
    assert code == DONE
    assert "whole rows: it has no key" in text
    assert "added 2, removed 1, unchanged 2" in text
    assert "not compared: ingestion_timestamp" in text
    assert text.count("+ seller_id=c") == 2
    assert text.count("- seller_id=a") == 1


def test_restore_is_a_new_commit_that_dagster_learns_of(olist, spark, versions):
    path = lakehouse.table_path(versions, NAME)
    code, text = olist("restore", NAME, "--version", "1")
    assert code == DONE, text
    assert f"{NAME}: version 3 is now what version 1 was: 3 rows, before 4" in text
    assert "Days changed: 2018-01-02..2018-01-04 (3 in all)" in text
    assert "olist stale" in text
    (entry,) = audit_log.latest(versions, 10, {"action": "restore"})
    assert (entry["tables"], entry["rows"], entry["statement"]) == ([NAME], 3, "to version 1 by version 3")
    assert ids(versions) == ["a", "b", "c"]
    assert ids(versions, version=2) == ["a", "b", "d", "e"]
    whole = {"dagster/row_count": 3, "delta_version": 3, "restored_version": 1}
    assert sorted(events(NAME)) == [
        (day, {**whole, "dagster/partition_row_count": rows})
        for day, rows in (("2018-01-02", 1), ("2018-01-03", 1), ("2018-01-04", 0))
    ]
    newest = json.loads(olist("history", NAME, "--format", "json")[1])[0]
    assert (newest["operation"], newest["rows"], newest["notes"]) == ("RESTORE", 3, "restored_version: 1")
    # The next write finds a table as the IO manager made it, and does not inherit what the restore said.
    writer = orders(spark, [("f", 3, 1)]).write.format("delta").option("replaceWhere", "order_date = DATE'2018-01-03'")
    writer.mode("overwrite").save(str(path))
    assert ids(versions) == ["a", "b", "f"]
    assert spark.sql(f"DESCRIBE DETAIL delta.`{path}`").first().clusteringColumns == ["order_date"]
    assert "userMetadata" not in (delta_log.commit(path, 4).info or {"userMetadata": "unreadable"})


def test_restore_of_a_table_without_days_is_one_event(olist, spark, settings):
    write_delta(spark, settings, GOLD_SEGMENT_PROFILES, {"segment": "a"})
    write_delta(spark, settings, GOLD_SEGMENT_PROFILES, {"segment": "a"}, {"segment": "b"})
    code, text = olist("restore", PROFILES, "--version", "1")
    assert code == DONE, text
    assert "Days changed" not in text
    assert events(PROFILES) == [(None, {"dagster/row_count": 1, "delta_version": 3, "restored_version": 1})]
    assert olist("restore", PROFILES, "--version", "3")[0] == DONE
    assert len(events(PROFILES)) == 1


def test_restore_of_the_newest_version_does_nothing(olist, versions):
    code, text = olist("restore", NAME, "--version", "2")
    assert (code, f"{NAME} is at version 2, its newest: 4 rows. No commit was needed." in text) == (DONE, True)
    assert lakehouse.open_table(versions, NAME).version() == 2
    assert events(NAME) == []


def test_restore_helps_where_the_newest_versions_data_is_lost(olist, versions):
    for file in lakehouse.data_files(lakehouse.open_table(versions, NAME)):
        Path(file).unlink()
    code, text = olist("restore", NAME, "--version", "1")
    assert code == DONE, text
    assert ids(versions) == ["a", "b", "c"]
    assert "Days changed: 2018-01-01..2018-01-03 (3 in all)" in text


def test_a_refusal_by_spark_is_a_message_and_leaves_no_metadata_behind(olist, spark, versions, monkeypatch):
    def refuse(_, query):
        raise PySparkException(f"refused: {query}\nJVM stacktrace: ...")

    monkeypatch.setattr(type(spark), "sql", refuse)
    code, text = olist("restore", NAME, "--version", "1")
    assert (code, "Traceback" in text, "stacktrace" in text) == (WRONG_USE, False, False)
    assert f"Spark cannot restore {NAME} to version 1: refused: RESTORE TABLE" in one_line(text)
    assert spark.conf.get("spark.databricks.delta.commitInfo.userMetadata", None) is None
    assert events(NAME) == []


@pytest.fixture
def third(spark, versions):
    """A version 3 of one row more, in a Spark session that remembers it."""
    path = lakehouse.table_path(versions, NAME)
    orders(spark, [("z", 9, 1)]).write.format("delta").mode("append").save(str(path))
    return versions


@pytest.mark.parametrize("rest", [300, 0], ids=["cut short", "empty"])
def test_a_broken_newest_entry_is_named_and_repaired(olist, spark, third, rest):
    path, name = lakehouse.table_path(third, NAME), log(third, 3).name
    log(third, 3).write_bytes(log(third, 3).read_bytes()[:rest])
    with pytest.raises(lakehouse.TableBroken, match=f"{name}.* last readable version is 2.*restore {NAME} --version 2"):
        lakehouse.open_table(third, NAME)
    # What can be read is not touched by that.
    assert olist("sql", "--format", "csv", "--version", "2", f"SELECT count(*) AS n FROM {NAME}") == (DONE, "n\n4\n")
    before = delta_log.commit(path, 3).at - timedelta(milliseconds=1)
    assert olist("sql", "--as-of", before.isoformat(), f"FROM {NAME}")[0] == DONE
    assert "cannot be read" in olist("history", NAME)[1]
    for words in (
        ("sql", "--version", "3", f"FROM {NAME}"),
        ("restore", NAME, "--version", "3"),
        ("sql", f"FROM {NAME}"),
    ):
        code, text = olist(*words)
        assert (code, "last readable version is 2" in one_line(text)) == (WRONG_USE, True)
        assert log(third, 3).exists()
    code, text = olist("restore", NAME, "--version", "1")
    assert code == DONE, text
    assert f"{name}.corrupt" in text
    assert "version 3 is now what version 1 was: 3 rows, before 4" in text
    assert log(third, 3, "json.corrupt").stat().st_size == rest
    assert ids(third) == ["a", "b", "c"]
    orders(spark, [("y", 9, 1)]).write.format("delta").mode("append").save(str(path))
    assert ids(third) == ["a", "b", "c", "y"]
    assert spark.read.format("delta").load(str(path)).count() == 4


def test_repair_to_the_last_readable_version_needs_no_commit_and_keeps_earlier_ones_set_aside(
    olist, third, monkeypatch
):
    monkeypatch.setattr(Spark, "session", property(lambda _: pytest.fail("Spark was started")))
    log(third, 3, "json.corrupt").write_text("an earlier one")
    log(third, 3).write_text('{"add":')
    code, text = olist("restore", NAME, "--version", "2")
    assert code == DONE, text
    assert f"{NAME} is at version 2, its newest: 4 rows. No commit was needed." in text
    assert log(third, 3, "json.corrupt").read_text() == "an earlier one"
    assert log(third, 3, "json.corrupt1").read_text() == '{"add":'
    assert not log(third, 3).exists()
    assert not log(third, 3, "crc").exists()


def test_an_entry_broken_in_the_middle_takes_those_after_it_along(olist, third):
    log(third, 2).write_text("")
    log(third, 2).write_text("\0\0\0")
    with pytest.raises(lakehouse.TableBroken, match=f"{log(third, 2).name}.* last readable version is 1"):
        lakehouse.open_table(third, NAME)
    assert olist("restore", NAME, "--version", "1")[0] == DONE
    assert ids(third) == ["a", "b", "c"]
    assert log(third, 2, "json.corrupt").exists()
    assert log(third, 3, "json.corrupt").exists()


def test_a_lost_entry_is_named(third):
    log(third, 2).unlink()
    with pytest.raises(lakehouse.TableBroken, match=rf"{log(third, 2).name} \(missing\).* last readable version is 1"):
        lakehouse.open_table(third, NAME)


def test_a_broken_checkpoint_costs_no_version(olist, third):
    DeltaTable(str(lakehouse.table_path(third, NAME))).create_checkpoint()
    checkpoint = log(third, 3, "checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(lakehouse.TableBroken, match=f"{checkpoint.name}.*restore {NAME} --version 3"):
        lakehouse.open_table(third, NAME)
    code, text = olist("restore", NAME, "--version", "3")
    assert code == DONE, text
    assert ids(third) == ["a", "b", "d", "e", "z"]
    assert log(third, 3).exists()


def test_a_table_of_which_nothing_can_be_read_says_so(versions):
    for version in range(3):
        log(versions, version).write_text("{ nothing like it")
    with pytest.raises(lakehouse.TableBroken, match=f"{log(versions, 0).name}.*None of its versions can"):
        lakehouse.open_table(versions, NAME)


def test_tables_shows_a_table_whose_newest_entry_only_a_checkpoint_replaces(olist, versions):
    DeltaTable(str(lakehouse.table_path(versions, NAME))).create_checkpoint()
    log(versions, 2).write_text("{ nothing like it")
    code, text = olist("tables")
    assert (code, NAME in text) == (DONE, True)
    assert "cannot be read" in olist("history", NAME)[1]


def test_a_warehouse_with_a_space_in_its_path_can_be_read(olist, versions, monkeypatch, tmp_path):
    elsewhere = shutil.copytree(versions.warehouse_path, tmp_path / "a warehouse")
    monkeypatch.setenv("OLIST_WAREHOUSE", str(elsewhere))
    for words in (
        ("sql", f"FROM {NAME}"),
        ("sql", "--version", "1", f"FROM {NAME}"),
        ("diff", NAME, "1", "2"),
        ("tables",),
    ):
        assert olist(*words)[0] == DONE
