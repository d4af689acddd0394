"""What a text in a source file may be: the types and times that the preflight, the days and silver judge alike."""

import re
from datetime import date, timedelta

from olist_assets.contracts.quoting import identifier, literal

MAX_ZEROS = 18
ERASED = "erased"
"""What stands for the zip prefix and the city of an erased customer."""
UNKNOWN_CATEGORY = "unknown"
"""The category of a product without one."""
STATES = (
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ",
    "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
)  # fmt: skip
# pandas writes the whole numbers of a column as 1.0 as soon as one of them is missing.
# Not 1.000, which is a thousand in Brazil.
ZERO_FRACTION = r"(\.0)?"
SHORT_ZIP_PREFIX = f"[0-9]{{1,4}}{ZERO_FRACTION}"
"""A zip prefix that lost its leading zeros: spreadsheets read `01310` as a number and write `1310`."""
PATTERNS = {
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2} ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
    "int": f"[+-]?[0-9]{{1,18}}{ZERO_FRACTION}",
    "double": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?",
    "zip_prefix": f"[0-9]{{1,5}}{ZERO_FRACTION}|{ERASED}",
    "state": "|".join(STATES),
    "status": "approved|canceled|created|delivered|invoiced|processing|shipped|unavailable",
}
TEXT = "text"
"""The type of an identifier or a name: any text, without the spaces around it."""
CALLED = {
    "zip_prefix": "a zip prefix of five digits",
    "state": "a state of two letters",
    "status": "a status of an order",
    "int": "a whole number",
    "timestamp": "a time like 2017-10-02 10:56:33",
}
"""Types as messages call them; the others have their own names."""
DISTANT_TIME = r"[+-]?[0-9]{5,}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
"""A time with too many digits in its year: out of any range rather than unreadable."""
NULL_WORDS = ("null", "nan", "nat", "none", "\\n", "na", "n/a", "<na>", "#n/a", "-")
"""What tools write for a missing value, in lower case."""
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
