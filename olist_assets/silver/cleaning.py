"""How a bronze row becomes typed or a reject: no cast stops a run, and none turns bad text into null unseen."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from olist_assets.resources import CORRUPT

REASON = "_reason"
FAULT = "_fault_column"


@dataclass(frozen=True)
class Rules:
    """What a row of a bronze table must satisfy: required columns, types by column, and the key its rows have once."""

    source: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    types: dict[str, str]
    only_status: str | None = None

    def in_scope(self, bronze: DataFrame) -> DataFrame:
        """Without rows that a stated rule filters; rows too broken to tell stay in, to be rejected."""
        if self.only_status is None:
            return bronze
        status = F.col("order_status")
        return bronze.where((status == self.only_status) | status.isNull() | F.col(CORRUPT).isNotNull())


def accepted(bronze: DataFrame, rules: Rules) -> DataFrame:
    """Rows that satisfy the rules, with the columns of `rules.types` cast."""
    good = _judged(bronze, rules).where(F.col(REASON).isNull())
    casts = {name: F.col(name).try_cast(kind) for name, kind in rules.types.items()}
    return good.withColumns(casts).drop(REASON, FAULT)


def rejected(bronze: DataFrame, rules: Rules) -> DataFrame:
    """Rows that do not, in the shape of `silver_rejects`."""
    bad = _judged(bronze, rules).where(F.col(REASON).isNotNull())
    columns = [name for name in bronze.columns if name != "ingestion_timestamp"]
    value = F.coalesce(*(F.when(F.col(FAULT) == name, F.col(name)) for name in columns))
    return bad.select(
        F.lit(rules.source).alias("table"),
        F.concat_ws("/", *rules.key).alias("key"),
        F.col(REASON).alias("reason"),
        F.col(FAULT).alias("column"),
        value.alias("value"),
        F.to_json(F.struct(*columns)).alias("record"),
        "ingestion_timestamp",
    )


def _judged(bronze: DataFrame, rules: Rules) -> DataFrame:
    """In-scope rows with the first reason against each, and its column; null where there is none."""
    missing = _first_of(rules.required, lambda name: F.col(name).isNull())
    uncast = _first_of(
        tuple(rules.types),
        lambda name: F.col(name).isNotNull() & F.col(name).try_cast(rules.types[name]).isNull(),
    )
    reason = (
        F.when(F.col(CORRUPT).isNotNull(), "corrupt_record")
        .when(missing.isNotNull(), "missing_required")
        .when(uncast.isNotNull(), "bad_cast")
    )
    fault = F.when(F.col(CORRUPT).isNotNull(), CORRUPT).otherwise(F.coalesce(missing, uncast))
    rows = rules.in_scope(bronze).withColumns({REASON: reason, FAULT: fault})
    # The smallest row by all its columns stays: an order that no parallelism changes.
    sound_first = F.col(REASON).isNotNull()
    everything = [F.col(name) for name in bronze.columns if name not in ("ingestion_timestamp", "source_file", CORRUPT)]
    same_key = Window.partitionBy(sound_first, *rules.key).orderBy(*everything)
    is_copy = F.col(REASON).isNull() & (F.row_number().over(same_key) > 1)
    return rows.withColumn(REASON, F.when(is_copy, "duplicate_key").otherwise(F.col(REASON)))


def _first_of(names: tuple[str, ...], fails) -> Column:
    """The first of the columns for which the condition holds, else null."""
    return F.coalesce(*(F.when(fails(name), F.lit(name)) for name in names)) if names else F.lit(None).cast("string")
