"""The stream from stored messages to bronze: any order, split and repetition end in the same tables. On Sail."""

from itertools import count
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olist_assets.bronze.snapshots import BRONZE as SNAPSHOTS
from olist_assets.catalog import catalog
from olist_assets.contracts.table import Table
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.object_store import location
from olist_assets.lakehouse.statistics import data_files
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events import stream as of_stream
from olist_assets.order_events.batches import BATCHES, TOMBSTONES
from olist_assets.order_events.stream import EventStream
from olist_assets.streaming.monitoring_stream import MONITORING_STREAM
from olist_assets_tests.checks.verdicts import verdict
from olist_assets_tests.conftest import ENGINE, settings_in
from olist_assets_tests.order_events.messages import append, deletion, event, merge, order
from olist_assets_tests.rows import store, stored_rows

pytestmark = pytest.mark.skipif(ENGINE != "sail", reason="messages are appended by deltalake")
ORDERS, SELLERS = "bronze_orders", "bronze_sellers"
numbers = count()


def seller(id_, seq, state="SP"):
    return event({"seller_id": id_, "seller_state": state}, seq, table="sellers")


MESSAGES = [
    event(order("a", order_status="created"), 1, "c"),
    event(order("b", order_status="created"), 2, "c"),
    event(order("a", order_status="shipped"), 5),
    event(order("a", order_status="approved"), 3),
    deletion("b", 4),
    event(order("b", order_status="delivered"), 3),
    ("a", "no event"),
    deletion("never", 2),
    event(order("c", order_status="created"), 6, "c"),
    deletion("c", 6),
    event(order("d", gift="yes"), 7),
    seller("s", 1),
    ("a", None),
]


def state(warehouse):
    """What the tables have, without what depends on when a message arrived."""
    tables = [name for name in (ORDERS, SELLERS, TOMBSTONES) if warehouse.existing_tables([name])]
    return {name: stored_rows(warehouse, name) for name in tables}


@pytest.fixture
def expected(spark, warehouse):
    append(warehouse, *MESSAGES)
    (done,) = merge(warehouse)
    assert (done.row["rows"], done.row["rejected"]) == (len(MESSAGES), 1)
    assert set(done.tables) == {ORDERS, SELLERS, TOMBSTONES}
    return state(warehouse)


def test_the_state_is_the_latest_of_each_key(expected, warehouse):
    found = warehouse.rows(warehouse.open(ORDERS), "order_id", "order_status", "source_sequence", "gift").to_pylist()
    assert sorted(map(tuple, map(dict.values, found))) == [("a", "shipped", 5, None), ("d", None, 7, "yes")]
    dead = warehouse.rows(warehouse.open(TOMBSTONES), "key", "source_sequence").to_pylist()
    assert sorted(tuple(row.values()) for row in dead) == [("b", 4), ("c", 6), ("never", 2)]


@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_order_split_and_repetition_end_in_the_same_tables(expected, tmp_path, sample, data):
    repeated = data.draw(st.lists(st.sampled_from(MESSAGES), max_size=4))
    messages = data.draw(st.permutations([*MESSAGES, *repeated]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(messages) - 1), max_size=3)))
    warehouse = Warehouse(settings_in(tmp_path / str(next(numbers)), sample), catalog())
    merged = 0
    for first, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        append(warehouse, *messages[first:end], offset=first)
        merged += sum(done.row["rows"] for done in merge(warehouse))
    assert state(warehouse) == expected
    assert merged == len(messages)


def interrupt_second_batch(warehouse, killed_at):
    """Merge MESSAGES in two batches, the second one only until it comes to this table."""
    append(warehouse, *MESSAGES[:3])
    merge(warehouse)
    append(warehouse, *MESSAGES[3:], offset=3)
    merge_table, append_row = EventStream._merge, of_stream.append_derived

    def stop_before(name, step):
        def stopping(*arguments, **more):
            if any(isinstance(argument, Table) and argument.name == name for argument in arguments):
                raise KeyboardInterrupt
            return step(*arguments, **more)

        return stopping

    with (
        patch.object(EventStream, "_merge", stop_before(killed_at, merge_table)),
        patch.object(of_stream, "append_derived", stop_before(killed_at, append_row)),
        pytest.raises(KeyboardInterrupt),
    ):
        merge(warehouse)


@pytest.mark.parametrize("killed_at", [TOMBSTONES, ORDERS, SELLERS, BATCHES])
def test_an_interrupted_batch_is_continued_exactly(expected, tmp_path, sample, killed_at):
    warehouse = Warehouse(settings_in(tmp_path / killed_at, sample), catalog())
    interrupt_second_batch(warehouse, killed_at)
    # More arrives before somebody starts it again: the interrupted batch does not take it.
    append(warehouse, seller("t", 9), offset=len(MESSAGES))
    found = [(done.row["batch"], done.row["rows"], done.row["applied"]) for done in merge(warehouse)]
    # Where no table was merged yet, nothing says where the interrupted batch ended.
    whole = len(MESSAGES) - 3
    assert [rows for _, rows, _ in found] == ([whole + 1] if killed_at == TOMBSTONES else [whole, 1])
    assert sum(applied for *_, applied in found) == 4
    assert {name: rows for name, rows in state(warehouse).items() if name != SELLERS} == {
        name: rows for name, rows in expected.items() if name != SELLERS
    }
    assert len(state(warehouse)[SELLERS]) == 2


def remove_commits(table):
    """Leave a table's newest commit and a checkpoint, as the retention of its log does."""
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 30 days"})
    table.create_checkpoint()
    for commit in delta_log.commits(location(table))[1:]:
        commit.path.unlink()


@pytest.mark.parametrize("killed_at", [ORDERS, SELLERS, BATCHES])
@pytest.mark.parametrize("others", [True, False], ids=["in no log", "in another log"])
def test_an_interrupted_batch_whose_commit_is_gone_is_merged_once_more(expected, tmp_path, sample, killed_at, others):
    warehouse = Warehouse(settings_in(tmp_path / killed_at, sample), catalog())
    interrupt_second_batch(warehouse, killed_at)
    fed = warehouse.existing_tables([TOMBSTONES, ORDERS, SELLERS])
    for name, table in fed.items():
        if others or name == TOMBSTONES:
            remove_commits(table)
    found = [(done.row["batch"], done.row["rows"]) for done in merge(warehouse)]
    is_known = not others and killed_at != ORDERS
    assert found == [(1 if is_known else 2, len(MESSAGES) - 3)]
    assert state(warehouse) == expected
    append(warehouse, seller("t", 9), offset=len(MESSAGES))
    assert [done.row["applied"] for done in merge(warehouse)] == [1]
    assert verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed
    assert verdict(warehouse, SNAPSHOTS["orders"], "current_state_equals_replay").passed


def test_the_first_batch_may_be_the_one_whose_commit_is_gone(spark, warehouse):
    append(warehouse, *MESSAGES, offset=7)
    with patch.object(of_stream, "append_derived", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        merge(warehouse)
    for table in warehouse.existing_tables([TOMBSTONES, ORDERS, SELLERS]).values():
        remove_commits(table)
    assert [(done.row["batch"], done.row["rows"]) for done in merge(warehouse)] == [(1, len(MESSAGES))]
    assert verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed


def test_batches_adjoin_where_a_partition_was_added(spark, warehouse):
    for partition in (1, 0, 11):
        append(warehouse, seller(f"s{partition}", 1), partition=partition, offset=5)
        merge(warehouse)
    assert verdict(warehouse, MONITORING_STREAM, "no_event_is_lost").passed


def test_a_second_merge_finds_nothing_to_do(expected, warehouse):
    versions = {name: table.version() for name, table in warehouse.existing_tables().items()}
    assert merge(warehouse) == []
    append(warehouse, *MESSAGES)
    assert merge(warehouse) == []
    assert {name: table.version() for name, table in warehouse.existing_tables().items()} == versions


def test_many_messages_become_several_batches_that_advance_in_every_partition(spark, warehouse, monkeypatch):
    monkeypatch.setattr(of_stream, "MAX_MESSAGES", 4)
    append(warehouse, *(seller(f"a{at}", at) for at in range(9)), partition=0)
    append(warehouse, *(seller(f"b{at}", at) for at in range(3)), partition=1)
    found = merge(warehouse)
    assert sum(done.row["rows"] for done in found) == 12
    assert all(done.row["rows"] <= 5 for done in found)
    assert len(state(warehouse)[SELLERS]) == 12
    assert [done.row["batch"] for done in found] == list(range(len(found)))


def test_replaced_files_of_fed_tables_are_removed_every_so_many_batches(spark, warehouse, monkeypatch):
    monkeypatch.setattr(of_stream, "BATCHES_BETWEEN_CLEANINGS", 3)
    monkeypatch.setattr(of_stream, "HOURS_KEPT", 0)
    # Made from its file, so it is none of the stream's.
    for _ in range(2):
        store(warehouse, SNAPSHOTS["customers"], {"customer_id": "c"})
    of_file = files_on_disk(warehouse, "bronze_customers")
    replaced = []
    for at in range(4):
        append(warehouse, seller("s", at + 1), offset=at)
        merge(warehouse)
        replaced.append(len(files_on_disk(warehouse, SELLERS)) - len(data_files(warehouse.open(SELLERS))))
    assert replaced == [0, 1, 0, 1]
    assert files_on_disk(warehouse, "bronze_customers") == of_file
    assert len(of_file) == 2
    assert len(state(warehouse)[SELLERS]) == 1


def files_on_disk(warehouse, name):
    return sorted(location(warehouse.open(name)).glob("*.parquet"))


def test_the_days_of_an_order_before_and_after_a_batch_are_touched(spark, warehouse):
    append(warehouse, event(order("a"), 1, "c"))
    merge(warehouse)
    append(warehouse, event(order("a", order_purchase_timestamp="2018-03-04 10:00:00"), 2), offset=1)
    (done,) = merge(warehouse)
    assert sorted(map(str, done.days)) == ["2018-01-01", "2018-03-04"]
