"""What a text in a source file may be: the types and times that the preflight, the days and silver judge alike."""

import re
from datetime import date, timedelta

from olist_assets.contracts.quoting import identifier, literal

MAX_ZEROS = 18
PATTERNS = {
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2} ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
    # pandas writes the whole numbers of a column as 1.0 as soon as one of them is missing.
    "int": rf"[+-]?[0-9]{{1,18}}(\.0{{0,{MAX_ZEROS}}})?",
    "double": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?",
}
EARLIEST = date(2000, 1, 1)
"""Online marketplaces, and so their orders, are younger: an earlier time is a mistake."""
LATEST_EVENT = timedelta(days=1)
"""How long after its ingestion something may have happened: clocks and time zones differ by less than a day."""
LATEST_PROMISE = timedelta(days=2 * 365)
"""How long after the ingestion something may be promised for."""


def pattern(kind: str) -> str:
    """The texts that may be values of a type, as a regular expression that Java, Rust and RE2 understand alike."""
    if found := re.fullmatch(r"decimal\((\d+),(\d+)\)", kind):
        precision, scale = map(int, found.groups())
        # Zeros in front, and beyond the scale, change nothing.
        zeros, whole = f"0{{0,{MAX_ZEROS}}}", f"[0-9]{{1,{precision - scale}}}"
        return rf"[+-]?({zeros}{whole}(\.[0-9]{{0,{scale}}}{zeros})?|\.[0-9]{{1,{scale}}}{zeros})"
    return PATTERNS[kind]


def plausible_day(column: str, ingested: str) -> str:
    """DuckDB's SQL for the day of an event, null where the text is no time or an implausible one.

    `ingested` is SQL for the time of ingestion.
    """
    text = f"trim({identifier(column)})"
    is_time = f"regexp_full_match({text}, {literal(pattern('timestamp'))})"
    latest = f"CAST({ingested} AS TIMESTAMP) + INTERVAL {LATEST_EVENT.days} DAY"
    is_plausible = f"TRY_CAST({text} AS TIMESTAMP) BETWEEN TIMESTAMP '{EARLIEST}' AND {latest}"
    return f"CASE WHEN {is_time} AND {is_plausible} THEN TRY_CAST({text} AS DATE) END"
