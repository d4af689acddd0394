"""Expressions that have the same type, value and cost on both engines."""

from pyspark.sql import Column
from pyspark.sql import functions as F

# Those without a short escape in JSON, and with a letter in their hexadecimal code.
CONTROL_CHARACTERS = (0x0B, 0x0E, 0x0F, *range(0x1A, 0x20))


def days_between(start: Column | str, end: Column | str) -> Column:
    """Calendar days from one date to another as INT, which Sail would give as BIGINT; negative if `end` is earlier."""
    return F.datediff(end, start).cast("int")


def distinct_count(column: str) -> Column:
    """Number of distinct non-null values as INT."""
    return F.size(distinct_values(column))


def distinct_values(column: str) -> Column:
    """The distinct non-null values of a group as an array, in no order.

    Sail keeps an object per group for `collect_set` and `count(DISTINCT)`: for a million groups that is gigabytes.
    """
    return F.array_distinct(F.collect_list(column))


def json_object(columns: list[str]) -> Column:
    """The columns as a JSON object, without those that are null.

    Engines escape rare control characters in letters of either case: `\\u001f` becomes `\\u001F`, as Spark writes it.
    """
    escaped_backslash, unused = "\\\\", "\0"  # a JSON text contains no control character
    text = F.replace(F.to_json(F.struct(*columns)), F.lit(escaped_backslash), F.lit(unused))
    for code in CONTROL_CHARACTERS:
        text = F.replace(text, F.lit(f"\\u{code:04x}"), F.lit(f"\\u{code:04X}"))
    return F.replace(text, F.lit(unused), F.lit(escaped_backslash))
