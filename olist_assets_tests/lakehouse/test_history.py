"""`olist history`: what each commit of a table says, whoever wrote it."""

import csv
import io
import json

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from olist_assets.lakehouse import time_travel
from olist_assets.lakehouse.warehouse import TableMissing
from olist_assets_tests.lakehouse.versions import FIELDS, FIRST, NAME, RUN, log_file, order_rows, rewrite_info

DONE = 0


def test_history_lists_what_the_commits_say(olist, versions):
    code, text = olist("history", NAME, "--format", "json")
    newest, first, created = json.loads(text)
    assert code == DONE
    assert [v["version"] for v in (newest, first, created)] == [2, 1, 0]
    assert [v["operation"] for v in (newest, first, created)] == ["WRITE", "WRITE", "CREATE TABLE"]
    assert (newest["run_id"], newest["partitions"], newest["code_version"]) == (RUN, FIELDS["partitions"], None)
    assert newest["notes"] == "refreshed: 2018-02-01"
    assert (newest["rows"], newest["written"]) == (4, 4)
    assert (first["rows"], first["written"], first["run_id"]) == (3, 3, None)
    assert newest["who"].startswith("delta-rs")
    assert first["at"] < newest["at"]


def test_the_history_for_a_terminal_shortens_run_ids(olist, versions):
    code, text = olist("history", NAME)
    assert code == DONE
    assert all(word in text for word in (RUN[:8], FIELDS["partitions"], "CREATE TABLE", "refreshed: 2018-02-01"))
    assert RUN not in text


def test_a_limit_shows_the_newest(olist, versions):
    _, text = olist("history", NAME, "--limit", "1", "--format", "csv")
    assert [row["version"] for row in csv.DictReader(io.StringIO(text))] == ["2"]


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        (
            {"operation": "WRITE", "userMetadata": "[by hand]", "clientVersion": "delta-rs.1"},
            {"operation": "WRITE", "notes": "text: [by hand]", "who": "delta-rs.1"},
        ),
        (
            {"operation": "MERGE", "userMetadata": '["a list"]', "userName": "ann"},
            {"operation": "MERGE", "notes": "text: ['a list']", "who": "ann"},
        ),
        (
            {"userName": "ann", "engineInfo": "Apache-Spark/4.2.0 Delta-Lake/4.4.0"},
            {"operation": None, "who": "ann Apache-Spark/4.2.0"},
        ),
        (
            {"operation": "WRITE", "operationMetrics": {"num_added_rows": 77, "num_deleted_rows": 8}},
            {"written": 77, "deleted": 8},
        ),
        (
            {"operation": "WRITE", "operationMetrics": {"numOutputRows": "77", "numDeletedRows": "8"}},
            {"written": 77, "deleted": 8},
        ),
        (
            {"userMetadata": '{"run_id": 12, "partitions": ["x"]}', "operationMetrics": {"numOutputRows": "?"}},
            {"run_id": "12", "partitions": "['x']", "written": None},
        ),
        ({}, {"operation": None, "who": None, "notes": "", "rows": 3}),
        (None, {"operation": None, "who": None, "notes": "", "rows": 3}),
    ],
)
def test_history_shows_what_there_is_of_other_writers_commits(olist, versions, info, shown):
    rewrite_info(log_file(versions, 1), info)
    newest, found, created = json.loads(olist("history", NAME, "--format", "json")[1])
    assert {name: found[name] for name in shown} == shown
    # The other versions keep their numbers.
    assert [v["version"] for v in (newest, found, created)] == [2, 1, 0]
    assert (newest["run_id"], created["operation"]) == (RUN, "CREATE TABLE")
    code, text = olist("history", NAME)
    assert code == DONE
    assert all(str(value) in text for name, value in shown.items() if value), text


def test_a_restore_by_others_shows_its_version(olist, versions):
    rewrite_info(log_file(versions, 2), {"operation": "RESTORE", "operationParameters": {"version": 0}})
    assert "restored_version: 0" in olist("history", NAME)[1]


def test_a_commit_that_cannot_be_read_is_shown_as_such_and_hides_no_other(olist, third):
    log_file(third, 3).write_text("{ nothing like it")
    assert [v.notes for v in time_travel.history(third, NAME, 2)] == ["cannot be read", "refreshed: 2018-02-01"]
    log_file(third, 3).write_text("")
    assert "cannot be read" in olist("history", NAME)[1]


def test_rows_are_unknown_where_the_log_no_longer_reaches_back(versions):
    versions.open(NAME).create_checkpoint()
    log_file(versions, 0).unlink()
    assert [(v.version, v.rows) for v in time_travel.history(versions, NAME, 9)] == [(2, 4), (1, None)]


def test_a_table_without_a_log_is_missing(warehouse):
    with pytest.raises(TableMissing, match=f"olist materialize --select {NAME}"):
        time_travel.history(warehouse, NAME, 9)


def test_the_versions_that_changed_the_columns(versions):
    assert time_travel.schema_versions(versions, NAME) == [0]
    wider = order_rows(FIRST).append_column("extra", pa.array(["x"] * len(FIRST)))
    write_deltalake(str(versions.path(NAME)), wider, mode="append", schema_mode="merge")
    assert time_travel.schema_versions(versions, NAME) == [0, 3]


def test_a_run_is_in_the_history(finished):
    newest = time_travel.history(finished.warehouse, NAME, 1)[0]
    assert newest.run_id == finished.report.run_id
    assert newest.rows == newest.written == finished.report.rows[NAME]
    assert newest.partitions == "2016-09-04..2018-10-17"
    assert newest.code_version
    assert (newest.who or "").startswith(("delta-rs", "Apache-Spark/"))
