"""Messages of every kind: what is no event is a reject, and all others end in their rows. Run by `make test-stream`."""

from datetime import UTC, datetime
from functools import partial

import pytest

from olist_assets.catalog import catalog
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import create
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.platform import Platform
from olist_assets_tests.conftest import make
from olist_assets_tests.streaming_faults.conftest import start_consumer, take
from olist_assets_tests.streaming_faults.equality import assert_every_event_counts
from olist_assets_tests.streaming_faults.events import Sending, event, order, send

pytestmark = pytest.mark.stream
MEGABYTES, LEVELS = 10 << 20, 10_000


@pytest.fixture
def warehouse(streamed):
    return Warehouse(streamed, catalog())


def rows(warehouse, columns, table="bronze_orders"):
    with warehouse.sql({"t": warehouse.open(table)}) as con:
        return con.sql(f"SELECT {columns} FROM t ORDER BY ALL").fetchall()


def nested(levels):
    return b'{"table":"orders","op":"c","seq":1,"after":{"order_id":"p","x":' + b"[" * levels + b"]" * levels + b"}}"


POISON = {
    "ten megabytes that are no event": b"x" * MEGABYTES,
    "ten megabytes of brackets": b"[" * MEGABYTES,
    "ten thousand levels": nested(LEVELS),
    "ten thousand levels of objects": b'{"after":' * LEVELS + b"1" + b"}" * LEVELS,
    "ten thousand columns": event("c", 1, **order("p"), **{f"c{n}": "1" for n in range(10_000)}),
    "not UTF-8": b"\xff\xfe{",
    "no text": bytes(range(256)),
    "a reserved column": event("c", 1, **order("p"), source_sequence="1"),
    "names that differ in case": event("c", 1, **order("p"), Order_Status="x"),
    "nothing": b"",
}


def test_poison_is_rejected_and_what_is_around_it_is_not(streamed, warehouse, consumer):
    good = [Sending("o", event("c", n, **order(f"o{n}"))) for n in range(len(POISON) + 1)]
    between = [each for bad, ok in zip(POISON.values(), good, strict=False) for each in (ok, Sending("p", bad))]
    send(streamed, [*between, good[-1]])
    (row,) = take(consumer)
    assert (row["rejected"], row["applied"]) == (len(POISON), len(good))
    assert len(rows(warehouse, "order_id")) == len(good)
    assert_every_event_counts(warehouse)


def test_a_large_value_and_a_hundred_levels_are_kept_as_they_came(streamed, warehouse, consumer):
    text = 'é"\\' * (MEGABYTES // 4)
    send(streamed, [Sending("a", event("c", 1, **order("a", order_status=text))), Sending("p", nested(100))])
    take(consumer)
    assert rows(warehouse, "order_id, order_status, x") == [
        ("a", text, None), ("p", None, "[" * 100 + "]" * 100)
    ]  # fmt: skip


def test_a_column_more_or_less_and_another_type(streamed, warehouse, consumer):
    send(streamed, [Sending("a", event("c", 1, **order("a"), channel="web"))])
    take(consumer)
    less = {name: value for name, value in order("b").items() if name != "customer_id"}
    send(streamed, [
        Sending("b", event("c", 2, **less)),
        Sending("c", event("c", 3, **order("c", order_status=5, customer_id=True))),
        Sending("d", event("c", 4, **order("d", order_status={"k": [1, None]}), shop="x")),
        Sending("e", event("c", 5, **order("e", order_status=1.50))),
    ])  # fmt: skip
    take(consumer)
    assert rows(warehouse, "order_id, customer_id, order_status, channel, shop") == [
        ("a", "c-a", "created", "web", None),
        ("b", None, "created", None, None),
        ("c", "true", "5", None, None),
        ("d", "c-d", '{"k":[1,null]}', None, "x"),
    ]
    (bad,) = rows(warehouse, "sum(rejected)", "monitoring_stream")
    assert bad == (1,)


def test_columns_of_many_events_do_not_add_up_to_a_table_that_nobody_can_read(streamed, warehouse, consumer):
    """A producer that puts values into names."""
    send(streamed, [Sending("o", event("c", n, **order(f"o{n}"), **{f"n{n}": "1"})) for n in range(400)])
    take(consumer, "--messages", "100")
    assert len(rows(warehouse, "order_id")) == 400
    assert_every_event_counts(warehouse)


def test_times_of_messages_may_be_any(streamed, warehouse):
    # By default a broker takes no message from the future.
    timeless = streamed.model_copy(update={"kafka_topic": "timeless"})
    create(Kafka.of(timeless), retention={"message.timestamp.after.max.ms": str(2**62), "retention.ms": "-1"})
    years = {"a": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "b": datetime(2100, 1, 1, tzinfo=UTC)}
    send(timeless, [sent_at(key, years[key], number) for number, key in enumerate(years, 1)])
    (row,) = take(partial(start_consumer, timeless))
    assert row["lag_seconds"] > 50 * 365 * 86_400
    send(timeless, [sent_at("b", years["b"], 9)])
    (row,) = take(partial(start_consumer, timeless))
    # A message from the future is not late.
    assert row["lag_seconds"] == 0
    assert rows(warehouse, "order_id, source_sequence") == [("a", 1), ("b", 9)]


def sent_at(key, at, seq):
    """An event of an order whose message has this time."""
    return Sending(key, event("u", seq, **order(key)), options={"timestamp": int(at.timestamp() * 1_000)})


def test_a_clock_that_was_wrong_changes_nothing_but_the_times_of_ingestion(streamed, warehouse, consumer):
    for number, wrong in enumerate(["-1000000000", "2000000000", "0"]):
        send(streamed, [Sending("a", event("u", number + 1, **order("a", order_status=str(number))))])
        take(consumer, "--clock", wrong)
    assert rows(warehouse, "order_id, order_status") == [("a", "2")]
    assert_every_event_counts(warehouse)


def test_headers_are_no_part_of_a_message(streamed, warehouse, consumer):
    headers = [("trace", b"\xff\x00"), ("trace", None), ("a" * 10_000, b"x" * 100_000)]
    send(streamed, [Sending("a", event("c", 1, **order("a")), options={"headers": headers})])
    take(consumer)
    assert rows(warehouse, "order_id") == [("a",)]


def test_rejects_have_every_message_that_is_no_event_once(streamed, warehouse, consumer):
    send(streamed, [Sending("p", value) for value in POISON.values()])
    take(consumer)
    make(Platform(streamed), "+silver_rejects")
    found = [key for key, reason in rows(warehouse, "key, reason", "silver_rejects") if reason == "bad_event"]
    assert len(found) == len({*found}) == len(POISON)
