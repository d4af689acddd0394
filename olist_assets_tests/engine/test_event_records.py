"""What a message says, case by case, on both engines."""

import json

import pytest
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import SEQUENCE, SOURCES
from olist_assets.engine.event_records import IS_BAD, IS_CHANGE, alive, decoded, deletions, latest, records
from olist_assets.streaming.bronze_order_events import BRONZE_ORDER_EVENTS
from olist_assets.streaming.bronze_tombstones import BRONZE_TOMBSTONES
from olist_assets_tests.rows import frame, only

pytestmark = pytest.mark.engines
ID = '"after":{"order_id":"o"}'
ROW = '{"table":"orders","op":"u","seq":7,' + ID + "}"
WIDE = {"order_id": "o", **{f"c{at}": "x" for at in range(99)}}
# A message's value, and the table, operation, number and key that it says.
CHANGES = {
    "plain": (ROW, ("orders", "u", 7, "o")),
    "name of the file": (ROW.replace("orders", "olist_orders_dataset"), ("orders", "u", 7, "o")),
    "spaces around": (f" \n{ROW}\t", ("orders", "u", 7, "o")),
    "number as text": (ROW.replace("7", '"7"'), ("orders", "u", 7, "o")),
    "18 digits": (ROW.replace("7", "9" * 18), ("orders", "u", int("9" * 18), "o")),
    "zeros in front": (ROW.replace("7", '"007"'), ("orders", "u", 7, "o")),
    "escapes": (
        ROW.replace("orders", "\\u006frders").replace('"o"', '"\\ud83d\\ude00\\n"'),
        ("orders", "u", 7, "😀\n"),
    ),
    "Debezium": (
        '{"op":"c","source":{"table":"orders","lsn":33},"before":null,"after":{"order_id":"o"}}',
        ("orders", "c", 33, "o"),
    ),
    "Debezium with payload": (
        '{"schema":{},"payload":{"op":"r","source":{"table":"orders","lsn":33},"after":{"order_id":"o"}}}',
        ("orders", "r", 33, "o"),
    ),
    "Debezium's deletion": (
        '{"op":"d","source":{"table":"orders","lsn":33},"before":{"order_id":"o"},"after":null}',
        ("orders", "d", 33, "o"),
    ),
    "deletion by the message's key": ('{"table":"orders","op":"d","seq":7}', ("orders", "d", 7, "given")),
    "key of two columns": (
        '{"table":"order_items","op":"c","seq":7,"after":{"order_id":"o","order_item_id":1}}',
        ("order_items", "c", 7, "o/1"),
    ),
    "no key": (
        '{"table":"geolocation","op":"c","seq":7,"after":{"geolocation_lat":"1"}}',
        ("geolocation", "c", 7, "7"),
    ),
    "empty key": (ROW.replace('"o"', '""'), ("orders", "u", 7, "")),
    "100 columns": (json.dumps({"table": "orders", "op": "u", "seq": 7, "after": WIDE}), ("orders", "u", 7, "o")),
    "10 MB": (ROW.replace('"o"', '"o","note":"' + "é" * 5_000_000 + '"'), ("orders", "u", 7, "o")),
    "NUL as an escape": (ROW.replace('"o"', '"o","note":"\\u0000"'), ("orders", "u", 7, "o")),
    "a number with a fraction as text": (ROW.replace('"o"', '"o","price":"1.50e2"'), ("orders", "u", 7, "o")),
}
BAD = {
    "empty": "",
    "no JSON": "order o was shipped",
    "cut off": ROW[:-1],
    "null": "null",
    "a list": f"[{ROW}]",
    "a text": '"orders"',
    "two values": f"{ROW}{ROW}",
    "two values and a comma": f"{ROW},{ROW}",
    "one brace more": f"{ROW}}}",
    "trailing garbage": f"{ROW} x",
    "byte order mark": f"\ufeff{ROW}",
    "NUL": f"{ROW}\x00",
    "comment": ROW.replace("{", "{/**/", 1),
    "single quotes": ROW.replace('"', "'"),
    "comma at the end": ROW[:-1] + ",}",
    "NaN": ROW.replace("7", "NaN"),
    "lone surrogate": ROW.replace('"o"', '"\\ud800"'),
    "surrogates in the wrong order": ROW.replace('"o"', '"\\ude00\\ud83d"'),
    "a fraction": ROW.replace('"o"', '"o","price":1.50'),
    "an exponent": ROW.replace('"o"', '"o","price":1e2'),
    "no number": ROW.replace('"seq":7,', ""),
    "negative number": ROW.replace("7", "-7"),
    "19 digits": ROW.replace("7", '"' + "9" * 19 + '"'),
    "number with a fraction": ROW.replace("7", '"7.0"'),
    "number with a space": ROW.replace("7", '"7 "'),
    "number with a line end": ROW.replace("7", '"7\\n"'),
    "other digits": ROW.replace("7", '"\uff17"'),
    "unknown table": ROW.replace("orders", "refunds"),
    "no table": ROW.replace('"table":"orders",', ""),
    "unknown operation": ROW.replace('"u"', '"t"'),
    "no operation": ROW.replace('"op":"u",', ""),
    "no record": ROW.replace(ID, '"after":null'),
    "record is no object": ROW.replace('{"order_id":"o"}', '"o"'),
    "empty record": ROW.replace('"order_id":"o"', ""),
    "no key": ROW.replace("order_id", "id"),
    "null key": ROW.replace('"o"', "null"),
    "key with the separator": ROW.replace('"o"', '"o/1"'),
    "upper case": ROW.replace('"o"', '"o","Order_Status":"x"'),
    "name with a space": ROW.replace('"o"', '"o","order status":"x"'),
    "name without letters": ROW.replace('"o"', '"o","":"x"'),
    "name with the separator of names": ROW.replace('"o"', '"o","a:b c":"x"'),
    "reserved name": ROW.replace('"o"', '"o","source_sequence":"9"'),
    "101 columns": json.dumps({"table": "orders", "op": "u", "seq": 7, "after": {**WIDE, "more": "x"}}),
    "deletion by a key of too few parts": '{"table":"order_items","op":"d","seq":7}',
}


def messages(spark, *values, key="given"):
    rows = ({"partition": 0, "offset": at, "key": key, "value": value} for at, value in enumerate(values))
    return frame(spark, BRONZE_ORDER_EVENTS, *rows)


@pytest.mark.parametrize(("value", "said"), CHANGES.values(), ids=CHANGES)
def test_an_event_says_what_happened_to_which_record(spark, value, said):
    row = only(decoded(messages(spark, value)).drop("value"))
    assert (row[IS_CHANGE], row[IS_BAD]) == (True, False)
    assert (row.subject, row.op, row[SEQUENCE], row.event_key) == said


def test_whatever_is_no_event_is_bad(spark):
    found = decoded(messages(spark, *BAD.values())).orderBy("offset").select(IS_CHANGE, IS_BAD).collect()
    judged = {name: tuple(row) for name, row in zip(BAD, found, strict=True)}
    assert {name: row for name, row in judged.items() if row != (False, True)} == {}


def test_a_message_without_a_value_is_neither(spark):
    row = only(decoded(messages(spark, None)))
    assert (row[IS_CHANGE], row[IS_BAD]) == (False, False)


def changed(*events):
    return [json.dumps({"table": "orders", "op": op, "seq": seq, "after": after}) for op, seq, after in events]


def test_the_latest_change_has_the_highest_number_and_arrived_first(spark):
    values = changed(
        ("u", 5, {"order_id": "a", "order_status": "first"}),
        ("u", 5, {"order_id": "a", "order_status": "second"}),
        ("u", 4, {"order_id": "a", "order_status": "older"}),
        ("u", 3, {"order_id": "b"}),
        ("d", 3, {"order_id": "b"}),
    )
    found = records(latest(decoded(messages(spark, *values))), SOURCES["orders"], ["gift"])
    rows = {row.order_id: (row.order_status, row.is_delete, row.gift) for row in found.collect()}
    assert rows == {"a": ("first", False, None), "b": (None, True, None)}


def test_a_deletion_outlives_what_is_not_newer(spark):
    values = changed(*(("u", seq, {"order_id": id_}) for id_, seq in (("a", 3), ("b", 4), ("c", 5), ("d", 1))))
    dead = [{"table": "bronze_orders", "key": key, SEQUENCE: 4} for key in "abc"]
    dead.append({"table": "bronze_sellers", "key": "d", SEQUENCE: 4})
    orders = SOURCES["orders"]
    found = records(latest(decoded(messages(spark, *values))), orders)
    # A record of a file has no number.
    of_file = found.where(F.col("order_id") == "a").withColumn(SEQUENCE, F.lit(None).cast("bigint"))
    tombstones = frame(spark, BRONZE_TOMBSTONES, *dead)
    alive_rows = alive(found.union(of_file), tombstones, "bronze_orders", orders)
    assert {row.order_id for row in alive_rows.collect()} == {"c", "d"}


def test_tombstones_have_the_highest_number_of_a_deletion(spark):
    values = changed(("d", 3, {"order_id": "a"}), ("d", 6, {"order_id": "a"}), ("u", 9, {"order_id": "a"}))
    row = only(deletions(decoded(messages(spark, *values))))
    assert (row.table, row.key, row[SEQUENCE]) == ("bronze_orders", "a", 6)
