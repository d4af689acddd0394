"""Rules by which a bronze row is typed or rejected: no cast stops a run, and none silently turns bad text into null."""

from dataclasses import dataclass
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import ADDED_COLUMNS, CORRUPT, INGESTED, SEQUENCE, SOURCES, SourceFile
from olist_assets.contracts.source_values import DISTANT_TIME, EARLIEST, NULL_WORDS, TEXT, pattern
from olist_assets.silver.expressions import json_object

REASON = "_reason"
FAULT = "_fault"
IS_KNOWN = "_is_known"
UNKNOWN_CUSTOMER, BAD_EVENT = "unknown_customer", "bad_event"
REASONS = (
    "corrupt_record", "repeated_header", "missing_required", "null_word", "bad_cast", "out_of_range", UNKNOWN_CUSTOMER,
    "duplicate_key", BAD_EVENT,
)  # fmt: skip
"""Why a row may be rejected; a row that violates several rules has the first of their reasons."""


@dataclass(frozen=True)
class Rules:
    """What the rows of a source file must satisfy besides its types: required columns and, mostly, a unique key."""

    subject: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    has_unique_key: bool = True

    @property
    def file(self) -> SourceFile:
        return SOURCES[self.subject]

    @property
    def source(self) -> str:
        """Name of the bronze table."""
        return f"bronze_{self.subject}"


def accepted(bronze: DataFrame, rules: Rules, customers: DataFrame | None = None) -> DataFrame:
    """Rows that satisfy the rules, with the columns of the file's types cast to them.

    Of rows with a `customer_id` only those of `customers`, if these are given.
    """
    good = _judged(bronze, rules, customers).where(F.col(REASON).isNull())
    kinds = rules.file.kinds
    # Without the columns that the file has beyond its contract.
    names = [name for name in bronze.columns if name in (*rules.file.columns, *ADDED_COLUMNS)]
    return good.select(*(F.col(_typed(name)).alias(name) if name in kinds else name for name in names))


def rejected(bronze: DataFrame, rules: Rules, customers: DataFrame | None = None) -> DataFrame:
    """Rows that violate a rule, in the columns of `silver_rejects`."""
    bad = _judged(bronze, rules, customers).where(F.col(REASON).isNotNull())
    columns = [name for name in bronze.columns if name not in (INGESTED, SEQUENCE)]
    value = F.coalesce(*(F.when(F.col(FAULT) == name, F.col(name)) for name in columns))
    return bad.select(
        F.lit(rules.source).alias("table"),
        F.concat_ws("/", *rules.key).alias("key"),
        F.col(REASON).alias("reason"),
        F.col(FAULT).alias("column"),
        value.alias("value"),
        json_object(columns).alias("record"),
        INGESTED,
    )


def sum_of_kept(source: str, columns: tuple[str, ...], kind: str) -> str:
    """SQL for a reconciliation: the sum of columns over the bronze rows that are not in `silver_rejects`."""
    in_bronze = " + ".join(f"TRY_CAST({name} AS {kind})" for name in columns)
    in_rejects = " + ".join(f"TRY_CAST(record ->> '$.{name}' AS {kind})" for name in columns)
    return (
        f"SELECT (SELECT sum({in_bronze}) FROM {source} WHERE {CORRUPT} IS NULL) - coalesce((SELECT sum({in_rejects}) "
        f"FROM silver_rejects WHERE \"table\" = '{source}' AND reason <> 'corrupt_record'), 0)"
    )


def exact_cast(name: str, kind: str) -> Column:
    """A text column cast to `kind`, null where the text, without the spaces around it, is not exactly such a value.

    A plain cast reads `10:00:00` as a time of today and `2018` as January 1st, and it rounds `10.005` to cents. What
    else it accepts, such as `1e2`, depends on the engine: hence a pattern decides first.
    """
    text = F.trim(name)
    if kind == TEXT:
        return F.nullif(text, F.lit(""))
    return F.when(_is_exactly(text, pattern(kind)), _converted(text, kind))


def _converted(text: Column, kind: str) -> Column:
    """A text that matches the pattern of `kind` as its value, null where that is out of the type's range."""
    if kind in ("state", "status"):
        return text
    whole = F.regexp_replace(text, r"\.0*\z", "")
    if kind == "zip_prefix":
        return F.when(F.length(whole) < 5, F.lpad(whole, 5, "0")).otherwise(whole)
    return (whole if kind == "int" else text).try_cast(kind)


def _is_exactly(text: Column, expression: str) -> Column:
    # Not `$`: in Java it also matches before a line break at the end, and Spark's cast ignores that break.
    return text.rlike(rf"^({expression})\z")


def _typed(name: str) -> str:
    return f"_typed_{name}"


def _judged(bronze: DataFrame, rules: Rules, customers: DataFrame | None) -> DataFrame:
    """Rows with typed columns, the first reason to reject each row, and the column of that reason.

    Reason and column are null for accepted rows.
    """
    casts = (exact_cast(name, kind).alias(_typed(name)) for name, kind in rules.file.kinds.items())
    typed = bronze.select("*", *casts)
    if not rules.has_unique_key:
        return _judged_alone(typed, rules, customers)
    # To find duplicates, rows are sorted by all of their columns. Only those of a repeated key need it, which are few.
    key = [_typed(name) for name in rules.key]
    repeated = typed.groupBy(*key).agg(F.count("*").alias("rows")).where("rows > 1").select(*key)
    unique, others = (
        _judged_alone(typed.join(repeated, on=key, how=how), rules, customers) for how in ("left_anti", "left_semi")
    )
    return unique.unionByName(_with_duplicates_rejected(others, bronze.columns, rules))


def _judged_alone(typed: DataFrame, rules: Rules, customers: DataFrame | None) -> DataFrame:
    """Rows with the first reason to reject each that does not depend on other rows, and the column of that reason."""
    faults = _faults(rules)
    if customers is not None:
        customer = _typed("customer_id")
        known = customers.select(F.col("customer_id").alias(customer), F.lit(True).alias(IS_KNOWN))
        # One row per customer on the right.
        typed = typed.join(known, on=customer, how="left")
        faults.append(_fault(F.col(IS_KNOWN).isNull(), UNKNOWN_CUSTOMER, "customer_id"))
    first = typed.withColumn(FAULT, F.coalesce(*faults))
    reason, column = (F.split_part(FAULT, F.lit(" "), F.lit(part)) for part in (1, 2))
    return first.withColumns({REASON: reason, FAULT: F.nullif(column, F.lit(""))})


def _faults(rules: Rules) -> list[Column]:
    """The reason and the column of each fault that a row may have by itself, null where it has not; first come first.

    Text, as Sail does not coalesce structs.
    """
    file = rules.file
    times = [name for name, kind in file.types.items() if kind == "timestamp"]
    # Also in another spelling, and after the byte order mark of a second file.
    is_header = reduce(and_, (F.translate(F.lower(F.trim(name)), " -\ufeff", "__") == name for name in file.columns))
    return [
        _fault(F.col(CORRUPT).isNotNull(), "corrupt_record", CORRUPT),
        _fault(is_header, "repeated_header"),
        *(_fault(_is_blank(name), "missing_required", name) for name in rules.required),
        *(_fault(F.lower(F.trim(name)).isin(*NULL_WORDS), "null_word", name) for name in file.coded),
        *(_fault(_is_distant(name), "out_of_range", name) for name in times),
        *(_fault(~_is_blank(name) & F.col(_typed(name)).isNull(), "bad_cast", name) for name in file.types),
        *(_fault(_is_out_of_range(name, file), "out_of_range", name) for name in times),
    ]


def _fault(holds: Column, reason: str, column: str = "") -> Column:
    return F.when(holds, F.lit(f"{reason} {column}"))


def _is_blank(name: str) -> Column:
    return F.coalesce(F.trim(name), F.lit("")) == ""


def _is_distant(name: str) -> Column:
    return _is_exactly(F.trim(name), DISTANT_TIME)


def _is_out_of_range(name: str, file: SourceFile) -> Column:
    time = F.col(_typed(name))
    return (time < F.lit(EARLIEST)) | (time > F.col(INGESTED) + F.lit(file.latest(name)))


def _with_duplicates_rejected(rows: DataFrame, received: list[str], rules: Rules) -> DataFrame:
    """Of rows with one key only the smallest by all columns is kept: that does not depend on parallelism."""
    everything = [F.col(name) for name in received if name not in ADDED_COLUMNS]
    key = [_typed(name) for name in rules.key]
    same_key = Window.partitionBy(F.col(REASON).isNull(), *key).orderBy(*everything)
    is_duplicate = F.col(REASON).isNull() & (F.row_number().over(same_key) > 1)
    return rows.withColumn(REASON, F.when(is_duplicate, "duplicate_key").otherwise(F.col(REASON)))
