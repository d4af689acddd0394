"""Messages about one person, in all spellings and places of an id, and what tables still have of them."""

import json
from urllib.parse import quote

from olist_assets.contracts.source_files import SOURCES
from olist_assets.governance.erasures import Person
from olist_assets.governance.event_traces import plain
from olist_assets.governance.traces import Traces
from olist_assets.operations.platform import Platform
from olist_assets.operations.proof import Sought, prove
from olist_assets.order_events.batches import EVENTS

SECRET = "a secret of some length for tests"
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


def encoded(text: str | None) -> bytes | None:
    """A key or value as Kafka has it."""
    return None if text is None else text.encode()


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


RECORDS: tuple[Message, ...] = (
    (CUSTOMER, event("customers", 1, customer(), op="c")),
    (ORDER, event("orders", 2, order(), op="c")),
    (f"{REVIEW}/{ORDER}", event("order_reviews", 3, review(), op="c")),
    (OTHER, event("customers", 4, customer(OTHER, UNIQUE), op="c")),
    (OTHER, json.dumps({"table": "customers", "op": "d", "seq": 5})),
)
"""The person's records, and another customer_id that is deleted again."""


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
    values = (row["value"] for row in stored(platform))
    events = [json.loads(value) for value in values if value and value.startswith('{"table": ')]
    events.sort(key=lambda event: event["seq"])
    return {event["after"][SOURCES[subject].key[0]]: event["after"] for event in events if event["table"] == subject}
