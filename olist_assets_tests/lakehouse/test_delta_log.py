"""Logs with unreadable, empty or missing entries: the message names the file, and earlier versions stay readable."""

import re
from datetime import timedelta

import pytest

from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.warehouse import TableBroken
from olist_assets_tests.lakehouse.versions import NAME, ids, log_file, one_line

DONE, WRONG_USE = 0, 2


@pytest.mark.parametrize("rest", [300, 0], ids=["cut short", "empty"])
def test_a_broken_newest_entry_is_named_with_the_remedy_and_hides_no_earlier_version(olist, third, rest):
    name = log_file(third, 3).name
    log_file(third, 3).write_bytes(log_file(third, 3).read_bytes()[:rest])
    with pytest.raises(TableBroken, match=f"{name}.* last readable version is 2.*restore {NAME} --version 2"):
        third.open(NAME)
    for words in (("sql", "--version", "3", f"FROM {NAME}"), ("sql", f"FROM {NAME}")):
        code, text = olist(*words)
        assert (code, "last readable version is 2" in one_line(text)) == (WRONG_USE, True)
    assert log_file(third, 3).exists()
    assert olist("sql", "--format", "csv", "--version", "2", f"SELECT count(*) AS n FROM {NAME}") == (DONE, "n\n4\n")
    before = delta_log.commit(third.path(NAME), 3).at - timedelta(milliseconds=1)
    assert olist("sql", "--as-of", before.isoformat(), f"FROM {NAME}")[0] == DONE


def test_the_first_of_several_broken_entries_is_named(third):
    log_file(third, 2).write_text("\0\0\0")
    with pytest.raises(TableBroken, match=f"{log_file(third, 2).name}.* last readable version is 1"):
        third.open(NAME)


def test_a_lost_entry_is_named(third):
    log_file(third, 2).unlink()
    name = re.escape(f"{log_file(third, 2).name} (missing)")
    with pytest.raises(TableBroken, match=f"{name}.* last readable version is 1"):
        third.open(NAME)


def test_a_broken_checkpoint_costs_no_version(third):
    third.open(NAME).create_checkpoint()
    checkpoint = log_file(third, 3, "checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(TableBroken, match=f"{checkpoint.name}.*restore {NAME} --version 3"):
        third.open(NAME)


def test_a_table_without_any_readable_version_is_to_be_made_again(versions):
    for version in range(3):
        log_file(versions, version).write_text("{ nothing like it")
    with pytest.raises(
        TableBroken, match=f"{log_file(versions, 0).name}.*No version of it can: .*make the table again"
    ):
        versions.open(NAME)


def test_an_entry_that_a_checkpoint_repeats_is_not_needed(olist, versions):
    versions.open(NAME).create_checkpoint()
    log_file(versions, 2).write_text("{ nothing like it")
    assert ids(versions) == ["a", "b", "d", "e"]
    code, text = olist("tables")
    assert (code, NAME in text) == (DONE, True)
    assert "cannot be read" in olist("history", NAME)[1]


def test_files_after_a_version_are_those_of_later_commits_and_the_pointer_to_their_checkpoint(third):
    path = third.path(NAME)
    third.open(NAME).create_checkpoint()
    log_file(third, 3, "crc").write_text("{}")
    names = [file.name for file in delta_log.files_after(path, 2)]
    assert names == [f"{3:020}.checkpoint.parquet", f"{3:020}.crc", f"{3:020}.json", "_last_checkpoint"]
    assert delta_log.files_after(path, 3) == []


def test_files_that_are_set_aside_keep_earlier_ones(third):
    log_file(third, 3, "json.corrupt").write_text("an earlier one")
    assert delta_log.set_aside([log_file(third, 3)]) == [f"{3:020}.json.corrupt1"]
    assert log_file(third, 3, "json.corrupt").read_text() == "an earlier one"
    assert ids(third) == ["a", "b", "d", "e"]


def test_files_before_a_version_include_those_that_were_set_aside(third):
    delta_log.set_aside([log_file(third, 3)])
    found = {file.name for file in delta_log.files_before(third.path(NAME), 2)}
    assert found == {f"{0:020}.json", f"{1:020}.json", f"{3:020}.json.corrupt"}
