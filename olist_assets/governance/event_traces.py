"""Ids of people in the messages of order events: in any spelling, in records before and after, in broken messages.

A message is theirs if its key or its value holds one of their ids anywhere. Who is who comes from the records in the
messages, of which those with the columns of customers, orders and reviews are read like the three files about them.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from olist_assets.contracts.quoting import literal
from olist_assets.contracts.source_files import CORRUPT, SOURCES
from olist_assets.governance.traces import ID, PERSONAL_KEYS, RECORD_KEYS, SUBJECTS, WORD, Traces, any_of

PAIR = r"\\+u[dD][89abAB][0-9a-fA-F]{2}\\+u[dD][c-fC-F][0-9a-fA-F]{2}"
# More than one backslash: JSON within the text of another one.
ESCAPED = PAIR + r"|\\+u[0-9a-fA-F]{4}|\\+/|%[0-9a-fA-F]{2}"
"""How JSON and URLs write a character that need not be written so."""
MAX_ESCAPES = 4
# Envelopes of Debezium have both records, with or without a payload around them.
RECORDS = ("after", "before", "payload.after", "payload.before")
# Of these columns a record is one of the subject, whatever name its table has.
KNOWN_BY = {"customers": "customer_unique_id", "orders": "customer_id", "order_reviews": "review_id"}
ID_LENGTH = 32
KEY_VALUE = rf'"(?:{"|".join((*PERSONAL_KEYS, *RECORD_KEYS))})"\s*:\s*"?([^",}}\s]{{1,{ID_LENGTH}}})'


def plain(text: str) -> str:
    """A text without the escapes of JSON and of URLs, also where they are escaped themselves."""
    for _ in range(MAX_ESCAPES):
        read = unquote(re.sub(ESCAPED, _character, text))
        if read == text:
            break
        text = read
    return text


def create_messages(con: duckdb.DuckDBPyConnection, messages: pa.Table) -> None:
    """Relations of these messages: `as_received`, and `messages` with their texts, with and without escapes, by row."""
    rows = pa.array(range(len(messages)), pa.int64())
    con.register("as_received", messages.select(["key", "value"]).append_column("row", rows))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE messages AS "
        "SELECT row, coalesce(key, '') || chr(10) || coalesce(value, '') AS text FROM as_received"
    )
    # Few messages have one of the two signs, and to look for these is much cheaper.
    escaped = con.sql(
        "SELECT row, text FROM messages WHERE (contains(text, chr(92)) OR contains(text, '%')) "
        f"AND regexp_matches(text, {literal(ESCAPED)})"
    ).to_arrow_table()
    read = pa.array(map(plain, escaped["text"].to_pylist()), pa.string())
    con.register("without_escapes", escaped.select(["row"]).append_column("text", read))
    con.execute("INSERT INTO messages FROM without_escapes")
    # What may be an id: long words with a digit, ids within them, and short values of the columns of ids.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE words_of_messages AS WITH found AS (SELECT row, lower(unnest(list_concat("
        f"regexp_extract_all(text, {literal(WORD)}, 0, 'i'), regexp_extract_all(text, {literal(KEY_VALUE)}, 1), "
        "[trim(split_part(text, chr(10), 1))]))) AS word FROM messages) "
        "SELECT row, word FROM found UNION ALL "
        f"SELECT row, unnest(regexp_extract_all(word, {literal(ID)})) FROM found WHERE length(word) > {ID_LENGTH}"
    )


WORDS = "SELECT DISTINCT word FROM words_of_messages"
"""SQL for all texts in `messages` that may be ids."""


def create_subjects(con: duckdb.DuckDBPyConnection, values: str, prefix: str = "") -> None:
    """Tables of what events say about customers, orders and reviews, from the column `value` of a relation."""
    paths = [f"$.{path}" for path in RECORDS]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE records_of_events AS SELECT unnest(json_extract(value, {paths})) AS record "
        f"FROM {values} WHERE json_valid(value)"
    )
    for subject in SUBJECTS:
        columns = ", ".join(f"record ->> {literal(name)} AS {name}" for name in SOURCES[subject].columns)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {prefix}{subject} AS SELECT {columns}, NULL::VARCHAR AS {CORRUPT} "
            f"FROM records_of_events WHERE record ->> {literal(KNOWN_BY[subject])} IS NOT NULL"
        )


def theirs(con: duckdb.DuckDBPyConnection, traces: Traces, sought: Traces, texts: Iterable[str] = ()) -> list[int]:
    """The rows of `messages` with one of these ids as a word, or with a sought id or text within any other text."""
    expression = any_of(sought.ids | sought.records) or "(?!)"
    found = con.execute(
        "SELECT row FROM words_of_messages WHERE word IN (SELECT unnest($ids)) UNION SELECT row FROM messages "
        "WHERE ($expression <> '(?!)' AND regexp_matches(text, $expression, 'i')) "
        "OR len(list_filter($texts, lambda t: contains(lower(text), t))) > 0 ORDER BY row",
        {
            "ids": sorted(traces.ids | traces.records),
            "expression": expression,
            "texts": [text.lower() for text in texts],
        },
    )
    return [row for (row,) in found.fetchall()]


def _character(escape: re.Match[str]) -> str:
    text = escape[0]
    if text.startswith("%"):
        return text
    if text.endswith("/"):
        return "/"
    units = b"".join(int(code, 16).to_bytes(2, "big") for code in re.findall("u(....)", text))
    return units.decode("utf-16-be", errors="replace")
