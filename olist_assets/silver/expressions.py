"""Expressions that have the same type, value and cost on both engines."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def days_between(start: Column | str, end: Column | str) -> Column:
    """Calendar days from one date to another as INT, which Sail would give as BIGINT; negative if `end` is earlier."""
    return F.datediff(end, start).cast("int")


def distinct_count(column: str) -> Column:
    """Number of distinct non-null values as INT. On Sail `count(DISTINCT)` of text takes several times the memory."""
    return F.size(F.collect_set(column))
