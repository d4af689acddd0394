"""SQL at a version or a time, the differences between two versions, and which versions can be opened."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import write_deltalake

from olist_assets.bronze.snapshots import BRONZE
from olist_assets.gold.gold_segment_profiles import GOLD_SEGMENT_PROFILES
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.arrow_types import arrow_schema
from olist_assets.lakehouse.statistics import data_files
from olist_assets.lakehouse.time_travel import at_time
from olist_assets_tests.lakehouse.versions import NAME, ids, log_file, one_line
from olist_assets_tests.rows import arrow_rows, store

PROFILES = GOLD_SEGMENT_PROFILES.name
DONE, WRONG_USE = 0, 2


def test_sql_at_a_version(olist, versions):
    query = f"SELECT string_agg(order_id, '' ORDER BY order_id) AS ids FROM {NAME}"
    assert olist("sql", "--format", "csv", "--version", "1", query) == (DONE, "ids\nabc\n")
    assert olist("sql", "--format", "csv", "--version", "2", query) == (DONE, "ids\nabde\n")
    assert olist("sql", "--format", "csv", query) == (DONE, "ids\nabde\n")


def test_a_time_is_compared_with_the_commits_not_with_their_files(versions):
    committed = {commit.version: commit.at for commit in delta_log.commits(versions.path(NAME))}
    moments = [(committed[1], 1), (committed[2] - timedelta(milliseconds=1), 1), (committed[2], 2)]
    assert [at_time(versions, moment)(NAME).version() for moment, _ in moments] == [version for _, version in moments]
    assert committed[2] < datetime.now(UTC) < datetime.fromtimestamp(log_file(versions, 1).stat().st_mtime, UTC)


def test_a_time_without_a_zone_is_utc_and_a_date_its_first_moment(olist, versions):
    query = f"SELECT count(*) AS n FROM {NAME}"
    first = delta_log.commit(versions.path(NAME), 1).at
    for moment in (first.isoformat(), first.replace(tzinfo=None).isoformat(" ")):
        assert olist("sql", "--format", "csv", "--as-of", moment, query) == (DONE, "n\n3\n")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert olist("sql", "--format", "csv", "--as-of", str(tomorrow), query) == (DONE, "n\n4\n")
    code, text = olist("sql", "--as-of", str(first.date()), query)
    assert (code, f"{NAME} had no data yet at {first.date()} 00:00:00 UTC" in text) == (WRONG_USE, True)


def test_a_first_version_may_have_rows(olist, warehouse):
    """Sail writes no commit that only creates a table."""
    path = str(warehouse.path(PROFILES))
    for segment in ("a", "b"):
        rows = arrow_rows(GOLD_SEGMENT_PROFILES, {"segment": segment}).cast(arrow_schema(GOLD_SEGMENT_PROFILES))
        write_deltalake(path, rows, mode="overwrite")
    query = f"SELECT segment FROM {PROFILES}"
    assert olist("sql", "--format", "csv", "--version", "0", query) == (DONE, "segment\na\n")
    first = delta_log.commit(warehouse.path(PROFILES), 0).at
    assert olist("sql", "--format", "csv", "--as-of", first.isoformat(), query) == (DONE, "segment\na\n")
    assert olist("restore", PROFILES, "--version", "0")[0] == DONE
    assert olist("sql", "--format", "csv", query) == (DONE, "segment\na\n")
    for number in (1, 2):
        delta_log.commit(warehouse.path(PROFILES), number).path.write_text("{")
    code, text = olist("sql", query)
    assert (
        code,
        f"Its last readable version is 0; repair it with: olist restore {PROFILES} --version 0" in one_line(text),
    ) == (
        WRONG_USE,
        True,
    )


def test_a_query_that_names_no_table_sees_those_that_existed_at_the_time(olist, versions):
    before = datetime.now(UTC)
    store(versions, GOLD_SEGMENT_PROFILES, {"segment": "a"})
    assert olist("sql", "--format", "csv", "SHOW TABLES") == (DONE, f"name\n{PROFILES}\n{NAME}\n")
    assert olist("sql", "--format", "csv", "--as-of", before.isoformat(), "SHOW TABLES") == (DONE, f"name\n{NAME}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sql", "--version", "1", f"FROM {NAME}, {PROFILES}"), f"the query names {NAME}, {PROFILES}"),
        (("sql", "--version", "1", "SHOW TABLES"), "the query names no table"),
        (("sql", "--version", "0", f"FROM {NAME}"), f"Table {NAME} had no data yet at version 0"),
        (("sql", "--version", "7", f"FROM {NAME}"), f"{NAME} has no version 7: its newest is 2"),
        (("sql", "--version", "1", f"FROM {PROFILES}"), f"olist materialize --select {PROFILES}"),
        (("sql", "--as-of", "2030-01-01", f"FROM {PROFILES}"), f"olist materialize --select {PROFILES}"),
        (("sql", "--as-of", "2016-01-01", f"FROM {NAME}"), f"Table {NAME} had no data yet at 2016-01-01 00:00:00 UTC"),
        (("sql", "--as-of", "yesterday", f"FROM {NAME}"), "'yesterday' is not a time like"),
        (("sql", "--as-of", "2018-01-01", "--version", "1", f"FROM {NAME}"), "exclude each other"),
        (("history", "gold_nothing"), "no table 'gold_nothing'"),
        (("history", PROFILES), f"olist materialize --select {PROFILES}"),
        (("diff", NAME, "1", "7"), "no version 7: its newest is 2"),
        (("diff", NAME, "0", "1"), "had no data yet at version 0"),
        (("diff", "gold_nothing", "1", "2"), "no table 'gold_nothing'"),
    ],
)
def test_wrong_use_is_one_message_and_changes_nothing(olist, versions, words, message):
    code, text = olist(*words)
    assert code == WRONG_USE
    assert message in one_line(text)
    assert "Traceback" not in text
    assert versions.open(NAME).version() == 2


@pytest.mark.parametrize("words", [("sql", "--version", "1", f"FROM {NAME}"), ("diff", NAME, "1", "2")])
def test_a_version_whose_files_were_vacuumed_is_refused_and_the_newest_is_not(olist, versions, words):
    for file in data_files(versions.open(NAME, 1)):
        Path(file).unlink()
    code, text = olist(*words)
    assert code == WRONG_USE
    assert f"Version 1 of {NAME} cannot be read any more: 1 of its data files are gone" in one_line(text)
    assert olist("sql", f"FROM {NAME}")[0] == DONE
    assert olist("history", NAME)[0] == DONE


def test_a_version_that_the_log_no_longer_has_in_full_is_refused(olist, versions):
    versions.open(NAME).create_checkpoint()
    log_file(versions, 0).unlink()
    code, text = olist("sql", "--version", "1", f"FROM {NAME}")
    assert (code, "no version 1: its log does not reach back that far" in one_line(text)) == (WRONG_USE, True)
    assert ids(versions, version=2) == ["a", "b", "d", "e"]


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


def test_diff_of_bronze_compares_whole_rows_but_not_when_they_were_read(olist, warehouse):
    sellers = BRONZE["sellers"]
    at = (datetime(2018, 1, 1), datetime(2018, 1, 2))
    store(warehouse, sellers, *({"seller_id": id_, "ingestion_timestamp": at[0]} for id_ in "aab"))
    store(warehouse, sellers, *({"seller_id": id_, "ingestion_timestamp": at[1]} for id_ in "abcc"))
    code, text = olist("diff", sellers.name, "1", "2")
    assert code == DONE
    assert "whole rows: it has no key" in text
    assert "added 2, removed 1, unchanged 2" in text
    assert "not compared: ingestion_timestamp" in text
    assert text.count("+ seller_id=c") == 2
    assert text.count("- seller_id=a") == 1


def test_a_warehouse_with_a_space_in_its_path_can_be_read(olist_with, settings, versions, tmp_path):
    elsewhere = settings.warehouse_path.rename(tmp_path / "a warehouse")
    olist = olist_with(settings.model_copy(update={"warehouse": str(elsewhere)}))
    for words in (
        ("sql", f"FROM {NAME}"),
        ("sql", "--version", "1", f"FROM {NAME}"),
        ("diff", NAME, "1", "2"),
        ("tables",),
    ):
        assert olist(*words)[0] == DONE
