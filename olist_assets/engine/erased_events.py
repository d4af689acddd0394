"""Messages of erased customers without what is personal, such that a replay gives what `erased` leaves of the rows.

A message keeps its place in the topic. One that is an event becomes an event in the platform's own form, with nothing
but what `decoded` reads of it: its record after the erasure, and as its key that of the record. Any other message with
a value becomes a text that is none.
"""

import json
import re
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from olist_assets.contracts.source_files import CORRUPT, SEQUENCE, SOURCE_NAME, SOURCES, SourceFile
from olist_assets.contracts.source_values import ERASED
from olist_assets.engine.event_records import DELETE, IS_BAD, IS_CHANGE, KEY_SEPARATOR, decoded
from olist_assets.governance.erasing import Found, erased
from olist_assets.governance.event_traces import plain
from olist_assets.governance.traces import any_of, normal

Row = dict[str, Any]
PLACE = "place"
"""The number of a message among those given."""


def erased_events(session: SparkSession, messages: pa.Table, found: Found) -> pa.Table:
    """The same messages, all of which are theirs, with other keys and values."""
    numbered = messages.select(["key", "value"]).append_column(PLACE, pa.array(range(len(messages)), pa.int32()))
    # Decoded once: an engine would do it for each use of a column in the plans below.
    rows = decoded(session.createDataFrame(numbered)).toArrow().to_pylist()
    for row in rows:
        row["image"] = dict(row["image"] or ())
    changed = {row[PLACE]: _without_event(row, found) for row in rows}
    for subject in {row["subject"] for row in rows if row[IS_CHANGE]}:
        events = [row for row in rows if row[IS_CHANGE] and row["subject"] == subject]
        changed |= _erased_records(session, SOURCES[subject], events, found)
    for at, name in enumerate(("key", "value")):
        values = pa.array([changed[place][at] for place in range(len(messages))], pa.string())
        index = messages.schema.get_field_index(name)
        messages = messages.set_column(index, messages.schema.field(name), values)
    return messages


def _without_event(row: Row, found: Found) -> tuple[str | None, str | None]:
    """Key and value of a message that is no event: its key is a known id's token, or nothing."""
    return found.replacements.get(normal(row["key"] or "")), ERASED if row[IS_BAD] else None


def _erased_records(
    session: SparkSession, source: SourceFile, events: list[Row], found: Found
) -> dict[int, tuple[str | None, str]]:
    """Key and value of events of one table."""
    more = sorted({name for event in events if event["op"] != DELETE for name in event["image"]} - {*source.columns})
    names = (*source.columns, CORRUPT, *more)
    texts = {name: pa.array([_record(event, source).get(name) for event in events], pa.string()) for name in names}
    # The column of the source's name stays as it is.
    places = pa.array([event[PLACE] for event in events], pa.int32())
    frame = session.createDataFrame(pa.table({**texts, SOURCE_NAME: places}))
    of_place = {row[SOURCE_NAME]: row for row in erased(frame, source, found).toArrow().to_pylist()}
    changed: dict[int, tuple[str | None, str]] = {}
    for event in events:
        row, op = of_place[event[PLACE]], event["op"]
        kept = source.key if op == DELETE else (*source.columns, *(name for name in more if name in event["image"]))
        record = {name: None if _hides(row[name], found) else row[name] for name in kept}
        keys = {name: record[name] or ERASED for name in source.key}
        record |= keys
        key = KEY_SEPARATOR.join(keys.values()) or None
        value = {"table": event["subject"], "op": op, "seq": event[SEQUENCE], "after": record}
        changed[event[PLACE]] = key, json.dumps(value, ensure_ascii=False)
    return changed


def _hides(value: str | None, found: Found) -> bool:
    """Whether a value holds an id in escapes, which nothing has read yet."""
    if not value or (read := plain(value)) == value:
        return False
    expression = any_of(found.traces.ids)
    return expression is not None and re.search(expression, read.lower()) is not None


def _record(event: Row, source: SourceFile) -> Row:
    """The record of an event; a deletion has nothing but the key's columns."""
    if event["op"] != DELETE:
        return event["image"]
    return dict(zip(source.key, event["event_key"].split(KEY_SEPARATOR), strict=False))
