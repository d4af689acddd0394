"""Offsets and files of the stored messages, by the log of their table. Where the messages are appended by Sail."""

import json

import pytest

from olist_assets.engine.choice import engine_of
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events import stored_messages
from olist_assets.order_events.batches import EVENTS
from olist_assets.order_events.stored_messages import StoredMessages
from olist_assets_tests.conftest import ENGINE
from olist_assets_tests.order_events.messages import TOPIC, append, append_mixed, event, stream

pytestmark = pytest.mark.skipif(ENGINE != "sail", reason="messages are appended by deltalake")


def seller(number: int):
    return event({"seller_id": f"s{number}"}, number, table="sellers")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data files that were read for what the log does not say."""
    found: list[str] = []
    create_view = stored_messages.create_view

    def noted(con, name, table, paths):
        found.extend(paths)
        create_view(con, name, table, paths)

    monkeypatch.setattr(stored_messages, "create_view", noted)
    return found


def stored(warehouse: Warehouse) -> StoredMessages:
    return StoredMessages.of(warehouse, warehouse.open(EVENTS))


def places(*partitions: int) -> set[tuple[str, int]]:
    return {(TOPIC, partition) for partition in partitions}


def test_the_log_has_first_and_last_offsets_of_files_of_one_partition(warehouse, read):
    append(warehouse, seller(1), seller(2), partition=0, offset=7)
    append(warehouse, seller(3), partition=0, offset=9)
    append(warehouse, *map(seller, range(3)), partition=11)
    assert stored(warehouse).positions() == {TOPIC: {"0": 10, "11": 3}}
    assert stored(warehouse).first_offsets(places(0, 11)) == {TOPIC: {"0": 7, "11": 0}}
    assert read == []


def test_a_file_of_several_partitions_is_read_for_the_first_offset_of_a_new_one_only(warehouse, read):
    append_mixed(warehouse, {0: 100, 2: 5}, seller)
    append_mixed(warehouse, {0: 101, 2: 6}, seller)
    assert stored(warehouse).positions() == {TOPIC: {"0": 102, "2": 7}}
    assert read == []
    assert stored(warehouse).first_offsets(places(2)) == {TOPIC: {"2": 5}}
    assert len(read) == 2
    read.clear()
    append(warehouse, seller(9), partition=5, offset=3)
    assert stored(warehouse).first_offsets(places(5)) == {TOPIC: {"5": 3}}
    assert read == []


def test_only_files_that_overlap_the_offsets_of_a_batch_have_its_messages(warehouse):
    for at in range(3):
        append(warehouse, seller(at), offset=at)
    append(warehouse, seller(9), partition=1)
    first, second = (stored(warehouse).files_with([(TOPIC, 0, at, at + 1)]) for at in (0, 1))
    assert (len(first), len(second)) == (1, 1)
    assert first != second
    assert len(stored(warehouse).files_with([(TOPIC, 0, 0, 2), (TOPIC, 1, 0, 1)])) == 3
    assert stored(warehouse).files_with([("another", 0, 0, 9)]) == []


def without_bounds(warehouse: Warehouse) -> None:
    """Take the statistics out of the newest commit, as a writer may leave them out."""
    newest = delta_log.commits(location(warehouse.open(EVENTS)))[0].path
    actions = [json.loads(line) for line in newest.read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
    newest.write_text("\n".join(map(json.dumps, actions)))


def test_files_without_bounds_are_read(warehouse, read):
    append(warehouse, seller(1), seller(2), offset=4)
    without_bounds(warehouse)
    assert stored(warehouse).positions() == {TOPIC: {"0": 6}}
    assert stored(warehouse).first_offsets(places(0)) == {TOPIC: {"0": 4}}
    assert len(read) == 2
    assert len(stored(warehouse).files_with([(TOPIC, 7, 0, 1)])) == 1


def test_a_file_of_several_topics_is_read(warehouse, read):
    append(warehouse, seller(1), offset=4)
    append(warehouse, seller(2), topic="zzz", offset=9)
    warehouse.open(EVENTS).optimize.compact()
    assert stored(warehouse).positions() == {TOPIC: {"0": 5}, "zzz": {"0": 10}}
    assert stored(warehouse).first_offsets(places(0)) == {TOPIC: {"0": 4}}
    assert {*stored(warehouse).files_with([(TOPIC, 0, 4, 5)])} == {*read}


@pytest.fixture
def of_batches(monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse) -> list[int]:
    """How many data files of the table of messages each batch read."""
    found: list[int] = []
    engine = type(engine_of(warehouse.settings))
    read_files = engine.read_files

    def noted(self, table, files):
        found.append(len(files))
        return read_files(self, table, files)

    monkeypatch.setattr(engine, "read_files", noted)
    return found


@pytest.mark.parametrize("is_even", [True, False], ids=["new processes", "uneven partitions"])
def test_a_batch_reads_as_many_files_however_many_messages_are_stored(spark, warehouse, read, of_batches, is_even):
    merging = stream(warehouse)
    for at in range(12):
        append_mixed(warehouse, {0: at, 1: at if is_even else 1_000 + 2 * at}, seller)
        merging = stream(warehouse) if is_even else merging
        assert [done.row["rows"] for done in merging.merge_stored()] == [2]
    # The first batch looks for the first offsets, and no other one for any.
    assert len(read) == 1
    assert of_batches == [1] * 12


def test_a_file_that_joins_merged_and_new_messages_is_read(spark, warehouse):
    merging = stream(warehouse)
    append_mixed(warehouse, {0: 0, 1: 1_000}, seller)
    list(merging.merge_stored())
    append_mixed(warehouse, {0: 1, 1: 1_002}, seller)
    warehouse.open(EVENTS).optimize.compact()
    assert [done.row["rows"] for done in merging.merge_stored()] == [2]
