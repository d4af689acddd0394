"""The nine files as events: the last event of a key is its record, and the order is that of the times."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from olist_assets.contracts.source_files import SOURCES
from olist_assets.operations.replayed_events import Event, order_events
from olist_assets.settings import Settings
from olist_assets.source.csv_file import source_file


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def events_of(data: Path, *tables: str) -> list[Event]:
    with connected() as con:
        return list(order_events(con, Settings(data=data), tables or [*SOURCES]))


def records(data: Path, table: str) -> list[dict[str, str | None]]:
    file = source_file(Settings(data=data), SOURCES[table])
    with connected() as con:
        rows = con.execute(f"SELECT * FROM {file.duckdb_sql}").fetchall()
    return [dict(zip(file.header, row, strict=True)) for row in rows]


def with_orders(sample: Path, folder: Path, *orders: str) -> Path:
    """The sample with these orders alone."""
    for path in sample.glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    name = SOURCES["orders"].name
    header = (sample / name).read_text(encoding="utf-8").splitlines()[0]
    (folder / name).write_text("\n".join([header, *orders, ""]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("data", ["sample", "dirty_sample"])
def test_the_last_event_of_a_key_is_its_record_in_the_file(data, request):
    folder = request.getfixturevalue(data)
    events = events_of(folder)
    for table, source in SOURCES.items():
        last = {event.key: json.loads(event.after) for event in events if event.table == table and event.op}
        of_key = defaultdict(list)
        for number, record in enumerate(records(folder, table)):
            names = [record[name] for name in source.key]
            key = "/".join(name or "" for name in names) if any(name is not None for name in names) else None
            of_key[key if source.key else number].append(record)
        if source.key:
            assert last.keys() == of_key.keys()
            assert all(last[key] in found for key, found in of_key.items())
        else:
            assert list(last.values()) == [record for found in of_key.values() for record in found]


def test_a_record_that_does_not_parse_is_an_event_as_it_is(dirty_sample):
    unparsed = [(event.table, event.after) for event in events_of(dirty_sample) if event.op is None]
    settings = Settings(data=dirty_sample)
    expected = {name: source_file(settings, source).misfits for name, source in SOURCES.items()}
    assert sorted(unparsed) == sorted((name, text) for name, texts in expected.items() for text in texts)
    assert unparsed


def test_events_are_numbered_in_the_order_of_their_times(sample):
    events = events_of(sample)
    assert [event.seq for event in events] == [*range(1, len(events) + 1)]
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)
    first_order = next(number for number, event in enumerate(events) if event.table == "orders")
    before = {"products", "sellers", "geolocation", "product_category_translation"}
    assert {event.table for event in events[:first_order]} == {*before, "customers"}
    assert {event.table for event in events[first_order:]}.isdisjoint(before)


def test_the_same_files_give_the_same_events(sample):
    assert events_of(sample) == events_of(sample)
    assert events_of(sample, "orders", "order_items") == events_of(sample, "order_items", "orders")


def life(events: list[Event]) -> list[tuple[str | None, str, list[str | None]]]:
    """Operation, time and the order's status and times of each event."""
    found = [(event, json.loads(event.after)) for event in events if event.table == "orders"]
    return [(event.op, event.ts, [*after.values()][2:7]) for event, after in found]


def test_an_order_is_an_event_for_each_of_its_times(sample, tmp_path):
    times = [f"2017-01-0{day} 10:00:00" for day in (1, 2, 3, 4)]
    data = with_orders(sample, tmp_path, f"o,c,delivered,{','.join(times)},2017-02-01 00:00:00")
    assert life(events_of(data, "orders")) == [
        ("c", times[0], ["created", times[0], None, None, None]),
        ("u", times[1], ["approved", times[0], times[1], None, None]),
        ("u", times[2], ["shipped", times[0], times[1], times[2], None]),
        ("u", times[3], ["delivered", *times]),
    ]


def test_an_order_without_a_delivery_ends_as_it_is_in_the_file(sample, tmp_path):
    data = with_orders(
        sample, tmp_path, "o,c,canceled,2017-01-01 10:00:00,2017-01-02 10:00:00,,,2017-02-01 00:00:00",
        "p,d,unavailable,2017-01-03 10:00:00,,,,2017-02-01 00:00:00",
    )  # fmt: skip
    assert [(op, status) for op, _, (status, *_) in life(events_of(data, "orders"))] == [
        ("c", "created"), ("u", "canceled"), ("c", "unavailable"),
    ]  # fmt: skip


def test_times_in_disorder_or_unreadable_do_not_change_the_order_of_the_stages(sample, tmp_path):
    times = ["2017-01-05 10:00:00", "2017-01-02 10:00:00", "soon", "2017-01-01 10:00:00"]
    data = with_orders(sample, tmp_path, f"o,c,delivered,{','.join(times)},2017-02-01 00:00:00")
    found = life(events_of(data, "orders"))
    assert [status for *_, (status, *_) in found] == ["created", "approved", "shipped", "delivered"]
    assert {ts for _, ts, _ in found} == {times[0]}
    assert found[-1][-1] == ["delivered", *times]


def test_keys_are_the_key_columns_joined_and_geolocations_are_numbers(sample):
    events = events_of(sample)
    item = next(event for event in events if event.table == "order_items")
    after = json.loads(item.after)
    assert item.key == f"{after['order_id']}/{after['order_item_id']}"
    assert all(event.key == str(event.seq) for event in events if event.table == "geolocation")
