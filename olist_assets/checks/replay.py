"""What the stored order events give, replayed in DuckDB: independent of the engine's decoding and merging.

It computes at once what the stream computes batch by batch, so that the two can be compared.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from olist_assets.checks.spec import CheckContext
from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.source_files import ADDED_COLUMNS, SEQUENCE, SourceFile, subject_of
from olist_assets.lakehouse.feeds import Offsets, fed_batch, merge_commit
from olist_assets.lakehouse.sql import create_view
from olist_assets.lakehouse.statistics import data_files
from olist_assets.source.csv_file import RECORD
from olist_assets.source.drift import RECORDS_JUDGED, Drift, drift_of

EVENTS, BATCHES, REPLAYED = "bronze_order_events", "monitoring_stream", "replayed"
FIELDS = {"table": "VARCHAR", "op": "VARCHAR", "seq": "VARCHAR", "after": "JSON", "before": "JSON", "source": "JSON"}
ORIGIN = {"table": "VARCHAR", "lsn": "VARCHAR"}
# What only DuckDB takes for JSON, and numbers that engines write as different texts.
REFUSED = (r"[:,\[]\s*-?[0-9]+[.eE]", r"[:,\[]\s*(-0|-?[0-9]{19}|NaN|-?Inf)", r",\s*[\]}]")
MAX_COLUMNS = 100
COLUMN_NAMES = "[a-z0-9_]+(:[a-z0-9_]+)*"


@dataclass(frozen=True)
class Differences:
    """Records of a table that the events do not give so, by kind, and those that newer messages are about."""

    missing: int
    extra: int
    different: int
    not_judged: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.different)


def differences(on: CheckContext, source: SourceFile) -> Differences:
    """Compare a table that events feed with their replay: each record that came with an event, all its columns.

    A record that also newer messages are about is not judged: they may be merged at this moment. A key that the file
    has several times keeps so many rows, which are alike as soon as an event has changed them.
    """
    _replay(on, source)
    values = ", ".join(map(identifier, source.columns))
    unequal = " OR ".join(f"t.{identifier(n)} IS DISTINCT FROM e.{identifier(n)}" for n in (*source.columns, SEQUENCE))
    return Differences(
        *on.rows(f"""
        WITH stored AS (SELECT DISTINCT {_key_of_row(source)} AS record_key, {values}, {SEQUENCE} FROM {{table}}),
        -- A row that came from the file is right only as long as no event is about it.
        t AS (FROM stored WHERE {SEQUENCE} IS NOT NULL OR record_key IN (SELECT record_key FROM {REPLAYED})),
        e AS (SELECT record_key, {_columns(source)}, sequence AS {SEQUENCE}, is_alive, is_settled FROM {REPLAYED})
        SELECT count(*) FILTER (t.record_key IS NULL AND is_alive AND is_settled),
               count(*) FILTER (e.record_key IS NULL OR (t.record_key IS NOT NULL AND NOT is_alive AND is_settled)),
               count(*) FILTER (t.record_key IS NOT NULL AND is_alive AND is_settled AND ({unequal})),
               count(*) FILTER (NOT is_settled)
        FROM t FULL JOIN e ON t.record_key = e.record_key""")[0]
    )


def rows_given(on: CheckContext, source: SourceFile) -> tuple[int, dict[str, int]]:
    """How many rows a fed table should have, and of what: rows of the file, records of events, repetitions.

    Of records that are not judged, as in `differences`, the stored rows count.
    """
    _replay(on, source)
    is_right = "e.is_alive AND e.is_settled"
    of_file, repeated, not_judged, of_events = on.rows(f"""
        SELECT count(*) FILTER ({SEQUENCE} IS NULL AND e.record_key IS NULL),
               count(*) FILTER ({is_right}) - count(DISTINCT e.record_key) FILTER ({is_right}),
               count(*) FILTER (NOT e.is_settled),
               (SELECT count(*) FROM {REPLAYED} e WHERE {is_right})
        FROM (SELECT {_key_of_row(source)} AS record_key, {SEQUENCE} FROM {{table}}) t
        LEFT JOIN {REPLAYED} e ON t.record_key = e.record_key""")[0]
    parts = {"of_the_file": of_file, "of_events": of_events, "repeated": repeated, "not_judged": not_judged}
    return sum(parts.values()), parts


def drift_of_events(on: CheckContext, source: SourceFile) -> Drift:
    """How the records of the latest events differ from the contract of the file that they stand for."""
    _replay(on, source)
    recent = f"SELECT * FROM {REPLAYED} WHERE is_alive ORDER BY sequence DESC LIMIT {RECORDS_JUDGED}"
    found = {name for (name,) in on.rows(f"SELECT DISTINCT unnest(string_split(names, ':')) FROM ({recent})")}
    # A table whose events only delete has nothing that could differ.
    known = [name for name in source.columns if name in found or not found]
    header = (*known, *sorted(found - {*source.columns}))
    return drift_of(on.sql, source, f"(SELECT sequence AS {RECORD}, {_columns(source)} FROM ({recent}))", header)


def _columns(source: SourceFile) -> str:
    """SQL: the values of a replayed record in the columns of its table."""
    return ", ".join(f"record[{at}] AS {identifier(name)}" for at, name in enumerate(source.columns, 1))


def _replay(on: CheckContext, source: SourceFile) -> None:
    """Create the table REPLAYED in the session: the latest change per key, and whether the record lives and is settled.

    It is settled if no message about it came after those that this version of the table has taken.
    """
    if on.sql.execute("FROM duckdb_tables() WHERE table_name = $name", {"name": REPLAYED}).fetchall():
        return
    create_view(on.sql, EVENTS, events := on.warehouse.open(EVENTS), data_files(events))
    end = ", ".join(
        f"({literal(topic)}, {partition}, {following})"
        for topic, of_topic in _end(on).items()
        for partition, following in of_topic.items()
    )
    on.rows(f"""
        CREATE TEMP TABLE {REPLAYED} AS
        WITH ends(topic, "partition", following) AS (VALUES {end}),
        changes AS MATERIALIZED ({_changes(source)}),
        -- The window has no record in it: it sorts all changes, and needs one record of each key.
        ranked AS MATERIALIZED (
            SELECT topic, "partition", "offset", record_key,
                   bool_and(coalesce("offset" < following, false)) OVER keys AS is_settled
            FROM changes LEFT JOIN ends USING (topic, "partition")
            WINDOW keys AS (PARTITION BY record_key)
            QUALIFY row_number() OVER (
                PARTITION BY record_key ORDER BY sequence DESC, (op = 'd') DESC, "partition", "offset") = 1)
        SELECT record_key, sequence, names, {_values("image", source.columns)} AS record, op <> 'd' AS is_alive,
               -- Of a name that an object has twice, readers of JSON take one or the other.
               is_settled AND len(list_distinct(string_split(names, ':'))) IS NOT DISTINCT FROM width AS is_settled
        FROM ranked JOIN changes USING (topic, "partition", "offset", record_key)""")


def _end(on: CheckContext) -> Offsets:
    """Where the last batch ends that has changed this version of the table: later ones had nothing for it."""
    number = fed_batch(on.delta)
    if found := merge_commit(on.delta, number):
        return found.end
    # The log keeps commits for a while only. If the batch was not finished, the one before it was.
    create_view(on.sql, BATCHES, batches := on.warehouse.open(BATCHES), data_files(batches))
    return json.loads(on.scalar(f"SELECT arg_max(offsets_to, batch) FROM {BATCHES} WHERE batch <= {number}"))


def _changes(source: SourceFile) -> str:
    """The query of the changes in the events about one table."""
    subject, reserved = subject_of(source), "|".join(ADDED_COLUMNS)
    # Without MATERIALIZED, DuckDB computes an expression as often as the next ones name it.
    return f"""
        WITH accepted AS MATERIALIZED (
            SELECT topic, "partition", "offset", key AS given, {_accepted("value")} AS message
            FROM {EVENTS} WHERE contains(value, {literal(subject)}) OR contains(value, '\\u')),
        messages AS MATERIALIZED (
            SELECT * EXCLUDE message, {_fields("message", FIELDS | {"payload": "JSON"})} AS envelope FROM accepted),
        opened AS MATERIALIZED (
            SELECT *, {_fields("envelope.payload", FIELDS)} AS payload FROM messages WHERE envelope IS NOT NULL),
        events AS MATERIALIZED (
            SELECT * EXCLUDE (envelope, payload),
                   CASE WHEN payload.op IS NOT NULL THEN payload
                        ELSE struct_pack("table" := envelope."table", op := envelope.op, seq := envelope.seq,
                             after := envelope.after, before := envelope.before, source := envelope.source) END AS event
            FROM opened),
        sourced AS MATERIALIZED (SELECT *, {_fields("event.source", ORIGIN)} AS origin FROM events),
        records AS MATERIALIZED (
            SELECT * EXCLUDE (event, origin), event.op AS op, coalesce(event.seq, origin.lsn) AS number,
                   coalesce({_object("event.after")}, {_object("event.before")}) AS image
            FROM sourced
            WHERE regexp_replace(coalesce(event."table", origin."table"), '^olist_|_dataset$', '', 'g')
                  = {literal(subject)}),
        named AS MATERIALIZED (
            SELECT * EXCLUDE number, array_to_string(json_keys(image), ':') AS names, len(json_keys(image)) AS width,
                   CASE WHEN regexp_full_match(number, '[0-9]{{1,18}}') THEN CAST(number AS BIGINT) END AS sequence,
                   {_values("image", source.key)} AS parts
            FROM records)
        SELECT *, {_key(source)} AS record_key FROM named
        WHERE record_key IS NOT NULL AND sequence IS NOT NULL AND (op = 'd' OR (
            op IN ('c', 'r', 'u') AND width BETWEEN 1 AND {MAX_COLUMNS}
            AND regexp_full_match(names, '{COLUMN_NAMES}')
            AND NOT regexp_matches(names, '(^|:)({reserved})(:|$)')))"""


def _fields(value: str, types: Mapping[str, str]) -> str:
    """A JSON object's fields as a struct. Of a name that it has twice the last one counts, as on the engines.

    DuckDB takes the first one, so the members of such an object are put in reverse order.
    """
    names = f"json_keys({value})"
    members = f"list_zip(list_reverse({names}), list_reverse(json_extract({value}, '$.*')))"
    reverse = f"'{{' || array_to_string(list_transform({members}, lambda m: to_json(m[1]) || ':' || m[2]), ',') || '}}'"
    is_ambiguous = f"len(list_distinct({names})) < len({names})"
    return f"json_transform(CASE WHEN {is_ambiguous} THEN {reverse} ELSE {value} END, {literal(json.dumps(types))})"


def _object(value: str) -> str:
    return f"CASE WHEN json_type({value}) = 'OBJECT' THEN {value} END"


def _values(image: str, names: Iterable[str]) -> str:
    """The values of a record by name, as a list of texts."""
    paths = ", ".join(literal(f'$."{name}"') for name in names)
    return f"json_extract_string({image}, CAST([{paths}] AS VARCHAR[]))"


def _accepted(value: str) -> str:
    """A text if it is JSON as the stream reads it, else null. To take the strings out is slow, and seldom needed."""
    unescaped = f"replace(replace({value}, '\\\\', ''), '\\\"', '')"
    outside = f"regexp_replace({unescaped}, '\"[^\"]*\"', '\"\"', 'g')"
    refused, may_be = (
        " OR ".join(f"regexp_matches({text}, {literal(pattern)})" for pattern in REFUSED) for text in (outside, value)
    )
    # Both sides of an AND would be computed for all rows.
    is_refused = f"CASE WHEN {may_be} THEN {refused} ELSE false END"
    return f"CASE WHEN json_valid({value}) AND NOT ({is_refused}) THEN {value} END"


def _key(source: SourceFile) -> str:
    """The key of the record of a change; of a deletion without a record, that of its message. Null for an unfit one."""
    if not source.key:
        return "CAST(sequence AS VARCHAR)"
    is_whole = " AND ".join(f"NOT contains(parts[{at + 1}], '/')" for at in range(len(source.key)))
    of_message = f"op = 'd' AND image IS NULL AND len(string_split(given, '/')) = {len(source.key)}"
    return f"CASE WHEN {is_whole} THEN array_to_string(parts, '/') WHEN {of_message} THEN given END"


def _key_of_row(source: SourceFile) -> str:
    """The same of a stored row; null where a part is missing."""
    return _joined(map(identifier, source.key)) if source.key else f"CAST({SEQUENCE} AS VARCHAR)"


def _joined(parts: Iterable[str]) -> str:
    return " || '/' || ".join(parts)
