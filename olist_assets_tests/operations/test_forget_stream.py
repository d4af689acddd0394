"""A person is erased from order events: those that are stored, those that come later, and those in Kafka."""

import json
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import SOURCES
from olist_assets.engine.engine import TakeMessages
from olist_assets.engine.event_records import decoded
from olist_assets.engine.sail.messages import Appender
from olist_assets.errors import OlistError
from olist_assets.governance import erasures
from olist_assets.governance.erasing import Found
from olist_assets.governance.erasures import Erasures, Person
from olist_assets.governance.event_traces import plain
from olist_assets.governance.traces import Traces
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.messages import SCHEMA
from olist_assets.lakehouse.feeds import offset_stored
from olist_assets.lakehouse.removal import remove_earlier_versions
from olist_assets.operations.forget import forget
from olist_assets.operations.forget_events import erase_events
from olist_assets.operations.platform import Platform
from olist_assets.operations.proof import Sought, prove
from olist_assets.operations.restore import restore
from olist_assets.operations.stale import stale
from olist_assets.order_events.erasing import EventErasure
from olist_assets.order_events.stream import EVENTS, TOMBSTONES, EventStream
from olist_assets_tests.conftest import ENGINE, settings_in
from olist_assets_tests.copies import copy_of

pytestmark = pytest.mark.skipif(ENGINE != "sail", reason="Spark appends what it reads from a broker itself")
SECRET, TOPIC = "a secret of some length for tests", "events"
NOWHERE = Kafka("127.0.0.1:1", TOPIC)
UNIQUE, CUSTOMER, ORDER, REVIEW = "a4" * 16, "c1" * 16, "d2" * 16, "e3" * 16
NEW_CUSTOMER, NEW_ORDER, OTHER, OTHER_ORDER = "c7" * 16, "d8" * 16, "f5" * 16, "06" * 16
COMMENT, CITY = "Não chegou, moro na casa amarela", "cidade de ninguém"
TRACES = Traces(frozenset({UNIQUE, CUSTOMER}), frozenset({ORDER, REVIEW}))
PERSON = Person(UNIQUE, TRACES)
Message = tuple[str | None, str | None]


def event(table: str, seq: int, after: dict[str, str | None], op: str = "u", **more: object) -> str:
    return json.dumps({"table": table, "op": op, "seq": seq, "after": after, **more})


def customer(customer_id: str = CUSTOMER, unique_id: str = UNIQUE) -> dict[str, str | None]:
    place = {"customer_zip_code_prefix": "13056", "customer_city": CITY, "customer_state": "SP"}
    return {"customer_id": customer_id, "customer_unique_id": unique_id, **place}


def order(order_id: str = ORDER, customer_id: str = CUSTOMER, status: str = "created") -> dict[str, str | None]:
    return {"order_id": order_id, "customer_id": customer_id, "order_status": status,
            "order_purchase_timestamp": "2018-01-01 10:00:00"}  # fmt: skip


def review() -> dict[str, str | None]:
    return {"review_id": REVIEW, "order_id": ORDER, "review_score": "5", "review_comment_message": COMMENT}


def escaped(text: str) -> str:
    """A text with each digit as JSON's escape."""
    return "".join(f"\\u{ord(sign):04x}" if sign.isdigit() else sign for sign in text)


def debezium(before: dict[str, str | None], after: dict[str, str | None]) -> str:
    source = {"table": "olist_orders_dataset", "lsn": 9}
    return json.dumps({"payload": {"op": "u", "source": source, "before": before, "after": after}})


THEIRS: dict[str, Message] = {
    "a customer": (CUSTOMER, event("customers", 1, customer())),
    "an order": (ORDER, event("orders", 1, order())),
    "a review": (f"{REVIEW}/{ORDER}", event("order_reviews", 1, review())),
    "upper case": (CUSTOMER.upper(), event("orders", 1, order(customer_id=CUSTOMER.upper()))),
    "escaped": ("k", event("orders", 1, order()).replace(CUSTOMER, escaped(CUSTOMER))),
    "escaped twice": ("k", event("orders", 1, order()).replace(CUSTOMER, escaped(CUSTOMER).replace("\\", "\\\\"))),
    "as a URL": ("k", json.dumps({"customer": "".join(f"%{ord(sign):02x}" for sign in CUSTOMER)})),
    "in a URL": ("k", json.dumps({"link": quote(f"https://shop/?customer={CUSTOMER}&city={CITY}")})),
    "the key only": (CUSTOMER, None),
    "the key of a deletion": (CUSTOMER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
    "the key of another's": (f"c_{CUSTOMER}", event("orders", 1, order(OTHER_ORDER, OTHER))),
    "before only": (OTHER_ORDER, debezium(order(OTHER_ORDER), order(OTHER_ORDER, OTHER))),
    "a deletion": (CUSTOMER, json.dumps({"table": "customers", "op": "d", "seq": 5, "before": customer()})),
    "broken": (ORDER, event("customers", 1, customer())[:140]),
    "no JSON": ("k", f"<customer>{CUSTOMER}</customer> {CITY}"),
    "a field beside the record": (OTHER_ORDER, event("orders", 1, order(OTHER_ORDER, OTHER), by=CUSTOMER)),
    "a column of no contract": (OTHER_ORDER, event("orders", 1, order(OTHER_ORDER, OTHER) | {"note": CUSTOMER})),
    "JSON within JSON": ("k", json.dumps({"text": event("customers", 1, customer())})),
    "an unknown table": ("k", event("visits", 1, {"visitor": CUSTOMER, "city": CITY})),
}


@pytest.fixture
def platform(tmp_path: Path, sample: Path, spark: object) -> Platform:
    return Platform(settings_in(tmp_path, sample, mask_salt=SECRET))


def stream(platform: Platform) -> EventStream:
    return EventStream(platform.warehouse, platform.engine, NOWHERE)


def send(platform: Platform, *messages: Message) -> None:
    """Append messages as if they came from the topic next."""
    contract = platform.catalog.table(EVENTS)
    erasure = EventErasure(platform.warehouse, platform.engine).of_listed
    appender = Appender(TakeMessages(NOWHERE, platform.warehouse, contract, lambda: True, [0], erasure=erasure))
    stored = platform.warehouse.existing_tables([EVENTS]).get(EVENTS)
    first = offset_stored(stored, TOPIC, 0) + 1 if stored else 0
    rows = [
        {"topic": TOPIC, "partition": 0, "offset": first + at, "kafka_timestamp": 0, "key": key, "value": value}
        for at, (key, value) in enumerate(messages)
    ]
    appender.append(pa.RecordBatch.from_pylist(rows, SCHEMA))


def stored(platform: Platform, name: str = EVENTS) -> list[dict]:
    rows = platform.warehouse.rows(platform.warehouse.open(name)).to_pylist()
    return sorted(rows, key=lambda row: row["offset"]) if name == EVENTS else rows


def traces_in(rows: list[dict]) -> list[str]:
    text = plain("\n".join(str(value) for row in rows for value in row.values())).lower()
    return [known for known in (UNIQUE, CUSTOMER, NEW_CUSTOMER, COMMENT.lower(), CITY, "13056") if known in text]


def hits(platform: Platform, *texts: str) -> list[str]:
    with platform.warehouse.sql() as con:
        return prove(con, platform.catalog, platform.warehouse.root, Sought(TRACES, texts)).hits


def replayed(platform: Platform, subject: str) -> dict[str, dict]:
    """The last record of each key, by the stored events alone."""
    events = [json.loads(row["value"]) for row in stored(platform)]
    return {event["after"][SOURCES[subject].key[0]]: event["after"] for event in events if event["table"] == subject}


def test_messages_of_a_listed_person_are_erased_before_they_are_stored(platform):
    erasures.add(platform.warehouse, PERSON)
    send(platform, *THEIRS.values())
    rows = stored(platform)
    assert traces_in(rows) == []
    assert [row["offset"] for row in rows] == list(range(len(THEIRS)))
    assert hits(platform) == []


def test_each_stored_message_of_a_person_is_found_and_then_erased(platform):
    send(platform, ("k", event("orders", 1, order("1b" * 16, OTHER))), *THEIRS.values())
    other, *rows = stored(platform)
    assert [name for name, row in zip(THEIRS, rows, strict=True) if not traces_in([row])] == []
    assert hits(platform) != []
    kinds = [row.asDict() for row in decoded_kinds(platform)]
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (), lambda _: None)
    remove_earlier_versions(platform.warehouse.path(EVENTS))
    first, *after = stored(platform)
    assert first == other
    assert [name for name, row in zip(THEIRS, after, strict=True) if traces_in([row])] == []
    assert hits(platform) == []
    # What was an event, no event, or a deleted key, still is: the numbers of merged messages stay right.
    assert [row.asDict() for row in decoded_kinds(platform)] == kinds
    # The next message is not taken for one that is stored.
    send(platform, ("k", "next"))
    assert stored(platform)[-1]["offset"] == len(THEIRS) + 1
    before = stored(platform)
    erase_events(platform, TRACES, (), lambda _: None)
    assert stored(platform) == before


def decoded_kinds(platform: Platform) -> list:
    """Per message: whether it is no event, and operation and number of an event."""
    events = decoded(platform.engine.read_table(platform.warehouse.open(EVENTS)))
    of_change = (F.when(F.col("is_change"), F.col(name)).alias(name) for name in ("op", "source_sequence"))
    return events.orderBy("offset").select("offset", "is_bad", "is_change", *of_change).collect()


@pytest.mark.parametrize("name", THEIRS)
def test_the_proof_reads_the_spellings_within_messages(platform, name):
    send(platform, THEIRS[name])
    assert [Path(hit).parent.name for hit in hits(platform) if hit.endswith(".parquet")] == [EVENTS]


def test_a_message_with_nothing_but_the_comment_is_erased(platform):
    send(platform, ("k", json.dumps({"text": f"… {COMMENT}"})), ("k", json.dumps({"text": "another comment"})))
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (COMMENT[:24],), lambda _: None)
    assert [row["value"] for row in stored(platform)] == ["erased", json.dumps({"text": "another comment"})]


def test_later_events_change_the_row_under_the_token(platform):
    events = stream(platform)
    send(platform, (CUSTOMER, event("customers", 1, customer())), (ORDER, event("orders", 2, order())))
    list(events.merge_stored())
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (), lambda _: None)
    found = Found({known: Erasures(platform.warehouse).token(known) or "" for known in TRACES.ids}, TRACES.records)
    token = found.replacements[CUSTOMER]
    send(
        platform,
        (CUSTOMER, event("customers", 3, customer())),
        (ORDER, event("orders", 4, order(status="shipped"))),
        (CUSTOMER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
    )
    list(events.merge_stored())
    assert {row["order_status"] for row in stored(platform, "bronze_orders")} == {"shipped"}
    assert [row["key"] for row in stored(platform, TOMBSTONES)] == [token]


def test_ids_that_events_give_to_a_listed_person_are_erased_from_then_on(platform):
    erasures.add(platform.warehouse, PERSON)
    send(platform, (NEW_CUSTOMER, event("customers", 1, customer(NEW_CUSTOMER))))
    assert Erasures(platform.warehouse).knows(NEW_CUSTOMER)
    send(platform, (NEW_ORDER, event("orders", 2, order(NEW_ORDER, NEW_CUSTOMER))))
    list(stream(platform).merge_stored())
    assert traces_in(stored(platform)) == []
    (customer_row,), (order_row,) = stored(platform, "bronze_customers"), stored(platform, "bronze_orders")
    assert order_row["customer_id"] == customer_row["customer_id"] == Erasures(platform.warehouse).token(NEW_CUSTOMER)
    for subject, row in (("orders", order_row), ("customers", customer_row)):
        ((key, record),) = replayed(platform, subject).items()
        assert key == row[SOURCES[subject].key[0]]
        assert {name: row[name] for name in record} == record


def test_deleted_keys_become_tokens(platform):
    send(platform, (CUSTOMER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
         (OTHER, json.dumps({"table": "customers", "op": "d", "seq": 6})))  # fmt: skip
    list(stream(platform).merge_stored())
    erasures.add(platform.warehouse, PERSON)
    erase_events(platform, TRACES, (), lambda _: None)
    keys = {row["key"] for row in stored(platform, TOMBSTONES)}
    assert keys == {Erasures(platform.warehouse).token(CUSTOMER), OTHER}


def test_forget_erases_a_person_of_the_stream_from_all_tables(finished, spark, tmp_path):
    platform = Platform(copy_of(finished, tmp_path, with_source=True, mask_salt=SECRET))
    send(
        platform,
        (CUSTOMER, event("customers", 1, customer(), op="c")),
        (ORDER, event("orders", 2, order(), op="c")),
        (f"{REVIEW}/{ORDER}", event("order_reviews", 3, review(), op="c")),
        (OTHER, event("customers", 4, customer(OTHER, UNIQUE), op="c")),
        (OTHER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
        *THEIRS.values(),
    )
    steps: list[str] = []
    proof = forget(platform, UNIQUE, steps.append)
    assert proof.hits == []
    assert any("Messages in Kafka are as before: No Kafka answers" in step for step in steps)
    for name in (EVENTS, TOMBSTONES, "bronze_customers", "bronze_orders", "bronze_order_reviews", "silver_rejects"):
        assert traces_in(stored(platform, name)) == [], name
    assert not stale(platform)
    for subject in ("customers", "orders", "order_reviews"):
        newest = {
            row[SOURCES[subject].key[0]] for row in stored(platform, f"bronze_{subject}") if row["source_sequence"]
        }
        assert newest
    (version,) = {platform.warehouse.open(EVENTS).version()}
    with pytest.raises(OlistError):
        restore(platform, EVENTS, version - 1, lambda _: None)
    before = stored(platform)
    assert forget(platform, CUSTOMER, lambda _: None).hits == []
    assert stored(platform) == before
