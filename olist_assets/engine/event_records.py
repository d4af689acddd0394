"""Order events as frames of text, on both engines: what an event says, and the latest one of each key.

    {"table": "orders", "op": "c", "seq": 7, "ts": "2017-10-02 10:56:33", "after": {"order_id": "e481f5", ...}}

`op` is `c` (created), `r` (read by a snapshot), `u` (updated) or `d` (deleted). `after` is the whole record, each value
as text or null; a deletion may have the record in `before`, or only the key of its message. An envelope of Debezium is
read too: its `source.table` and `source.lsn` are table and sequence number, with or without a `payload` around it
(https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events).
"""

from collections.abc import Iterable
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import (
    ADDED_COLUMNS,
    CORRUPT,
    INGESTED,
    SEQUENCE,
    SOURCE_NAME,
    SOURCES,
    SourceFile,
)
from olist_assets.engine.merge import IS_DELETE

FIELDS = (
    "table:string,op:string,seq:string,after:map<string,string>,before:map<string,string>,"
    "source:struct<table:string,lsn:string>"
)
ENVELOPE = f"struct<event:struct<{FIELDS},payload:struct<{FIELDS}>>>"
# Spark's parser accepts more than JSON; Sail's does not.
STRICT = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
UPSERTS, DELETE = ("c", "r", "u"), "d"
SEQUENCE_PATTERN = r"^[0-9]{1,18}\z"
# Engines write these numbers as different texts; an amount has to be text anyway to stay exact.
INEXACT_NUMBER = r"[0-9][.eE]|[0-9]{19}|-0"
# The same after what stands before a number; a string may match too.
MAY_BE_INEXACT = r"[:,\[\s](-0|-?[0-9]+[.eE]|-?[0-9]{19})"
SURROGATE_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
IS_BAD, IS_CHANGE = "is_bad", "is_change"
KEY_SEPARATOR = "/"
# Delta takes few other characters in names, and no two names that differ in case only.
NAMES, RESERVED = r"^[a-z0-9_]+(:[a-z0-9_]+)*\z", rf"(^|:)({'|'.join(ADDED_COLUMNS)})(:|\z)"
MAX_COLUMNS = 100


def decoded(events: DataFrame) -> DataFrame:
    """Messages with `subject`, `op`, SEQUENCE, `event_key`, `image` (the record as a map), IS_BAD and IS_CHANGE.

    A message is a change, or bad, or, without a value, neither: Kafka's marker of a deleted key.
    """
    event = F.from_json(_wrapped('{"event":', "}"), ENVELOPE, STRICT)["event"]
    parsed = events.withColumn("event", event)
    inner = F.col("event.payload.op").isNotNull()
    fields = {
        name: F.when(inner, F.col(f"event.payload.{name}")).otherwise(F.col(f"event.{name}"))
        for name in ("op", "table", "seq", "after", "before", "source.table", "source.lsn")
    }
    subject = F.coalesce(fields["table"], fields["source.table"])
    sequence = F.coalesce(fields["seq"], fields["source.lsn"])
    image = F.when(fields["after"].isNotNull(), fields["after"]).otherwise(fields["before"])
    read = parsed.select(
        *events.columns,
        F.regexp_replace(subject, "^olist_|_dataset$", "").alias("subject"),
        fields["op"].alias("op"),
        F.when(sequence.rlike(SEQUENCE_PATTERN), sequence.cast("bigint")).alias(SEQUENCE),
        image.alias("image"),
        F.col("event").isNotNull().alias("is_parsed"),
    )
    keyed = read.withColumn("event_key", _event_key())
    is_valid = (
        F.col("is_parsed")
        & _is_one_value()
        & _is_portable()
        & F.col("event_key").isNotNull()
        & F.col(SEQUENCE).isNotNull()
        & ((F.col("op") == DELETE) | (F.col("op").isin(*UPSERTS) & _has_columns()))
    )
    is_valid = F.coalesce(is_valid, F.lit(False))
    has_value = F.col("value").isNotNull()
    # A column of its own, so that it is computed once.
    judged = keyed.withColumn("is_valid", is_valid)
    marks = {IS_CHANGE: has_value & F.col("is_valid"), IS_BAD: has_value & ~F.col("is_valid")}
    # Sail moves a filter below the columns that it names, and writes each of them out with all that it is made from:
    # a plan of many megabytes, and a minute to plan it. Nothing moves below a repartition, and `latest` needs this one.
    return judged.withColumns(marks).drop("is_parsed", "is_valid").repartition("subject", "event_key")


def latest(changes: DataFrame) -> DataFrame:
    """The change with the highest sequence number per table and key; of equal numbers a deletion, else the first.

    So the state after several batches does not depend on where one ends: a later batch replaces only what is older,
    and a deletion leaves a tombstone that an equal number does not pass.
    """
    order = F.desc(SEQUENCE), F.when(F.col("op") == DELETE, 0).otherwise(1), "partition", "offset"
    newest = Window.partitionBy("subject", "event_key").orderBy(*order)
    ranked = changes.where(IS_CHANGE).withColumn("rank", F.row_number().over(newest))
    return ranked.where(F.col("rank") == 1).drop("rank")


def records(changes: DataFrame, source: SourceFile, more: Iterable[str] = ()) -> DataFrame:
    """Changes of one table in the columns of its bronze table, `more` ones of the events, and IS_DELETE.

    A deletion has nothing but the key's columns.
    """
    parts = F.split("event_key", KEY_SEPARATOR)
    is_delete = F.col("op") == DELETE
    columns = {name: _value(name) for name in (*source.columns, *more)}
    for at, name in enumerate(source.key):
        columns[name] = F.when(is_delete, F.try_element_at(parts, F.lit(at + 1))).otherwise(_value(name))
    return changes.select(
        *(columns[name].alias(name) for name in source.columns),
        INGESTED,
        F.col("topic").alias(SOURCE_NAME),
        F.lit(None).cast("string").alias(CORRUPT),
        SEQUENCE,
        *(columns[name].alias(name) for name in more),
        is_delete.alias(IS_DELETE),
    )


def alive(found: DataFrame, tombstones: DataFrame, table: str, source: SourceFile) -> DataFrame:
    """Records of one table without those that are not newer than a deletion of their key; its deletions stay.

    A record of a file has no sequence number, and is older than any deletion.
    """
    key = F.concat_ws(KEY_SEPARATOR, *source.key) if source.key else F.col(SEQUENCE).cast("string")
    dead = tombstones.where(F.col("table") == table).select(
        F.col("key").alias("deleted_key"), F.col(SEQUENCE).alias("deleted_with")
    )
    joined = found.join(dead, on=key == F.col("deleted_key"), how="left")
    is_newer = F.coalesce(F.col(SEQUENCE) > F.col("deleted_with"), F.lit(False))
    is_delete = F.col(IS_DELETE) if IS_DELETE in found.columns else F.lit(False)
    return joined.where(is_delete | F.col("deleted_with").isNull() | is_newer).drop("deleted_key", "deleted_with")


def may_be_about(subject: str) -> Column:
    """Whether a message can be an event of this table, by a search that is cheaper than decoding it."""
    # A name may also be written in escapes.
    return F.contains("value", F.lit(subject)) | F.contains("value", F.lit("\\u"))


def deletions(changes: DataFrame) -> DataFrame:
    """The last deletion of each key, in the columns of `bronze_tombstones`."""
    deleted = latest(changes.where(F.col("op") == DELETE))
    return deleted.select(
        F.concat(F.lit("bronze_"), "subject").alias("table"),
        F.col("event_key").alias("key"),
        SEQUENCE,
        F.col("kafka_timestamp").alias("deleted_at"),
    )


def _value(name: str) -> Column:
    return F.try_element_at("image", F.lit(name))


def _event_key() -> Column:
    """The values of the key's columns, joined; of a deletion without a record the key of the message.

    Null for an unknown table, and where a part is missing or would be taken for two.
    """
    given = F.col("key")
    cases = F.lit(None).cast("string")
    for name, source in SOURCES.items():
        if source.key:
            parts = [_value(column) for column in source.key]
            is_whole = reduce(and_, (~F.contains(part, F.lit(KEY_SEPARATOR)) for part in parts))
            own = F.when(is_whole, F.concat_ws(KEY_SEPARATOR, *parts))
            fits = F.size(F.split(given, KEY_SEPARATOR)) == len(source.key)
            key = F.coalesce(own, F.when((F.col("op") == DELETE) & F.col("image").isNull() & fits, given))
        else:
            # Each record stands for itself.
            key = F.col(SEQUENCE).cast("string")
        cases = F.when(F.col("subject") == name, key).otherwise(cases)
    return cases


def _has_columns() -> Column:
    """Whether a record has names that a table can have, and not very many."""
    names = F.array_join(F.map_keys("image"), ":")
    return names.rlike(NAMES) & ~names.rlike(RESERVED) & (F.size("image") <= MAX_COLUMNS)


def _wrapped(before: str, after: str) -> Column:
    return F.concat(F.lit(before), F.col("value"), F.lit(after))


def _is_one_value() -> Column:
    """Whether nothing follows the object: Spark's parser stops at its end."""
    return F.json_array_length(_wrapped("[", "]")) == 1


def _is_portable() -> Column:
    """Whether all engines read the same text: no lone surrogates, no numbers that are not whole."""
    unescaped = F.replace("value", F.lit(r"\\"), F.lit(""))
    is_text = ~F.regexp_replace(unescaped, SURROGATE_PAIR, "").rlike(r"\\u[dD][89a-fA-F]")
    outside_strings = F.regexp_replace(F.replace(unescaped, F.lit(r"\""), F.lit("")), '"[^"]*"', "")
    is_whole = ~outside_strings.rlike(INEXACT_NUMBER)
    # Most values need none of these replacements.
    may_have_surrogate, may_be_inexact = F.contains("value", F.lit("\\u")), F.col("value").rlike(MAY_BE_INEXACT)
    return F.when(may_have_surrogate, is_text).otherwise(True) & F.when(may_be_inexact, is_whole).otherwise(True)
