"""Rules by which a bronze row is typed or rejected: no cast stops a run, and none silently turns bad text into null."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.contracts.source_files import ADDED_COLUMNS, CORRUPT, INGESTED
from olist_assets.contracts.source_values import pattern
from olist_assets.silver.expressions import json_object

REASON = "_reason"
FAULT = "_fault_column"


@dataclass(frozen=True)
class Rules:
    """What a row of the bronze table `source` must satisfy: a unique key, required columns, and types by column."""

    source: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    types: Mapping[str, str]
    only_status: str | None = None

    def in_scope(self, bronze: DataFrame) -> DataFrame:
        """Rows with the wanted status; rows whose status cannot be read stay in scope, so that they are rejected."""
        if self.only_status is None:
            return bronze
        status = F.col("order_status")
        return bronze.where((status == self.only_status) | status.isNull() | F.col(CORRUPT).isNotNull())


def accepted(bronze: DataFrame, rules: Rules) -> DataFrame:
    """Rows that satisfy the rules, with the columns of `rules.types` cast to their types."""
    good = _judged(bronze, rules).where(F.col(REASON).isNull())
    return good.withColumns({name: F.col(_typed(name)) for name in rules.types}).select(*bronze.columns)


def rejected(bronze: DataFrame, rules: Rules) -> DataFrame:
    """Rows that violate a rule, in the columns of `silver_rejects`."""
    bad = _judged(bronze, rules).where(F.col(REASON).isNotNull())
    columns = [name for name in bronze.columns if name != INGESTED]
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
    digits = F.regexp_replace(text, r"\.0*\z", "") if kind == "int" else text
    # Not `$`: in Java it also matches before a line break at the end, and Spark's cast ignores that break.
    return F.when(text.rlike(rf"^({pattern(kind)})\z"), digits.try_cast(kind))


def _typed(name: str) -> str:
    return f"_typed_{name}"


def _judged(bronze: DataFrame, rules: Rules) -> DataFrame:
    """Rows in scope with typed columns, the first reason to reject each row, and the column of that reason.

    Reason and column are null for accepted rows.
    """
    typed = rules.in_scope(bronze).withColumns({_typed(n): exact_cast(n, kind) for n, kind in rules.types.items()})
    missing = _first_of(rules.required, lambda name: F.col(name).isNull())
    uncast = _first_of(tuple(rules.types), lambda name: F.col(name).isNotNull() & F.col(_typed(name)).isNull())
    reason = (
        F.when(F.col(CORRUPT).isNotNull(), "corrupt_record")
        .when(missing.isNotNull(), "missing_required")
        .when(uncast.isNotNull(), "bad_cast")
    )
    fault = F.when(F.col(CORRUPT).isNotNull(), CORRUPT).otherwise(F.coalesce(missing, uncast))
    rows = typed.withColumns({REASON: reason, FAULT: fault})
    # Of rows with one key the smallest by all columns is kept: that does not depend on parallelism.
    everything = [F.col(name) for name in bronze.columns if name not in ADDED_COLUMNS]
    key = [_typed(name) if name in rules.types else name for name in rules.key]
    same_key = Window.partitionBy(F.col(REASON).isNull(), *key).orderBy(*everything)
    is_duplicate = F.col(REASON).isNull() & (F.row_number().over(same_key) > 1)
    return rows.withColumn(REASON, F.when(is_duplicate, "duplicate_key").otherwise(F.col(REASON)))


def _first_of(names: tuple[str, ...], fails: Callable[[str], Column]) -> Column:
    """Name of the first of the columns for which the condition holds, else null."""
    return F.coalesce(*(F.when(fails(name), F.lit(name)) for name in names))
