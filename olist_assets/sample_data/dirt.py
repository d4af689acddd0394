"""Broken records for a dirty sample: each has one fault, and no valid record changes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from olist_assets.sample_data.files import HEADERS, Row

_PER_KIND_AT_SCALE_1 = 20
_MIN_PER_KIND = 3
_BAD_TIME = "2017-13-45 99:00:00"

# Columns that the silver layer requires, and texts that do not cast; the broken records take them in turn.
_REQUIRED: dict[str, Row] = {
    "orders": ("order_purchase_timestamp", "order_estimated_delivery_date", "customer_id"),
    "order_items": ("price", "product_id", "seller_id", "shipping_limit_date", "freight_value"),
    "order_payments": ("payment_value", "payment_type"),
    "order_reviews": ("review_score", "review_creation_date"),
}
_UNCASTABLE: dict[str, tuple[tuple[str, str], ...]] = {
    "orders": (
        ("order_purchase_timestamp", _BAD_TIME),
        ("order_delivered_customer_date", "soon"),
        ("order_estimated_delivery_date", _BAD_TIME),
    ),
    "order_items": (("price", '"12,x"'), ("freight_value", "free"), ("shipping_limit_date", _BAD_TIME)),
    "order_payments": (("payment_value", '"9x,90"'), ("payment_installments", "two")),
    "order_reviews": (("review_score", "five"), ("review_creation_date", _BAD_TIME)),
}
_NULL_WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "orders": (("order_delivered_customer_date", "NaT"), ("order_status", "NULL"), ("order_approved_at", "None")),
    "order_items": (("price", "NaN"), ("seller_id", "None"), ("shipping_limit_date", "NaT")),
    "order_payments": (("payment_type", "NULL"), ("payment_installments", "nan")),
    "order_reviews": (("review_score", "\\N"), ("review_answer_timestamp", "NaT")),
}
# Payments have no times.
_OUT_OF_RANGE: dict[str, tuple[tuple[str, str], ...]] = {
    "orders": (
        ("order_purchase_timestamp", "1017-10-02 10:56:33"),
        ("order_estimated_delivery_date", "2107-10-02 00:00:00"),
        ("order_delivered_customer_date", "20017-10-02 10:56:33"),
    ),
    "order_items": (("shipping_limit_date", "1970-01-01 00:00:00"),),
    "order_reviews": (("review_creation_date", "2107-10-02 00:00:00"),),
}
# Whole records of the other files, without the keys of valid ones.
_OTHERS: dict[str, dict[str, Row]] = {
    "customers": {
        "missing_required": ("x", "x", '"01310"', "", "SP"),
        "null_word": ("x", "x", '"01310"', "NaN", "SP"),
        "bad_cast": ("x", "x", '"013100"', "sao paulo", "SP"),
    },
    "products": {
        "null_word": ("x", "NaN", "40", "287", "1", "225", "16", "10", "14"),
        "bad_cast": ("x", "perfumaria", "40", "287", "1", "225g", "16", "10", "14"),
    },
    "sellers": {"bad_cast": ("x", '"01310"', "sao paulo", "XX")},
    "geolocation": {"bad_cast": ('"01310"', "-23.5S", "-46.6", "sao paulo", "SP")},
    "product_category_translation": {"null_word": ("x", "NULL")},
}
# The column and value in which a second record with the same key differs.
_OTHER_CONTENT: dict[str, tuple[str, str]] = {
    "orders": ("order_estimated_delivery_date", "2018-12-31 00:00:00"),
    "order_items": ("price", "1234.56"),
    "order_payments": ("payment_value", "1234.56"),
    "order_reviews": ("review_answer_timestamp", "2018-12-31 12:00:00"),
}
_SPARE_NUMBER = 900  # item and payment numbers that no valid order reaches
TABLES = tuple(_REQUIRED)
# Faults whose records have a new key each.
FRESH_KINDS = 6


def per_kind(scale: float) -> int:
    """Number of records per table and fault."""
    return max(_MIN_PER_KIND, round(_PER_KIND_AT_SCALE_1 * scale))


@dataclass
class Examples:
    """Valid records, kept while a sample is written, from which the broken ones are made."""

    wanted: int
    records: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})

    def keep(self, table: str, columns: list[list[str]]) -> None:
        """Keep the first records of `table` whose order and key have only one record."""
        kept = self.records[table]
        if len(kept) >= self.wanted:
            return
        candidates = list(zip(*columns, strict=True))
        at = HEADERS[table].index("order_id")
        per_order = Counter(row[at] for row in candidates)
        per_key = Counter(row[0] for row in candidates)
        suitable = (row for row in candidates if per_order[row[at]] == 1 and per_key[row[0]] == 1)
        kept.extend(
            row for row, _ in zip(filter(_IS_SUITABLE[table], suitable), range(self.wanted - len(kept)), strict=False)
        )


@dataclass(frozen=True)
class Broken:
    """Broken records, and their number per bronze table and fault."""

    records: dict[str, list[Row]]
    counts: dict[tuple[str, str], int]


def broken_records(examples: Examples, count: int, fresh: dict[str, list[str]], customers: list[Row]) -> Broken:
    """`count` records of each fault and table.

    `fresh` has ids that no valid record has, for orders (FRESH_KINDS times `count`, each with a customer) and reviews.
    """
    records: dict[str, list[Row]] = {table: [HEADERS[table]] for table in HEADERS}
    counts: dict[tuple[str, str], int] = {(f"bronze_{table}", "repeated_header"): 1 for table in HEADERS}
    for table in TABLES:
        made = [
            _fresh_key(table, row, place, fresh, customers)
            for place, row in enumerate(_some(examples, table, FRESH_KINDS * count))
        ]
        makers: dict[str, Callable[[str, Row, int], Row]] = {
            "missing_required": _without_required,
            "bad_cast": _one_of(_UNCASTABLE),
            "corrupt_record": _misshapen,
            "null_word": _one_of(_NULL_WORDS),
        }
        if table in _OUT_OF_RANGE:
            makers["out_of_range"] = _one_of(_OUT_OF_RANGE)
        if table == "orders":
            makers["unknown_customer"] = _without_customer
        for at, (reason, maker) in enumerate(makers.items()):
            rows = made[at * count : (at + 1) * count]
            records[table].extend(maker(table, row, place) for place, row in enumerate(rows))
            counts[f"bronze_{table}", reason] = count
        records[table].extend(_duplicate(table, row) for row in _some(examples, table, count))
        counts[f"bronze_{table}", "duplicate_key"] = count
    for table, faults in _OTHERS.items():
        for reason, row in faults.items():
            records[table].extend([row] * count)
            counts[f"bronze_{table}", reason] = count
    return Broken(records=records, counts=counts)


def _some(examples: Examples, table: str, count: int) -> list[Row]:
    rows = examples.records[table]
    if len(rows) < count:
        raise ValueError(f"{table}: {len(rows)} valid records are too few to make {count} broken ones")
    return rows[:count]


def _fresh_key(table: str, row: Row, place: int, fresh: dict[str, list[str]], customers: list[Row]) -> Row:
    if table == "orders":
        return (fresh["orders"][place], customers[place][0], *row[2:])
    if table == "order_reviews":
        return (fresh["order_reviews"][place], *row[1:])
    return (row[0], str(_SPARE_NUMBER + place % 99), *row[2:])


def _replaced(table: str, row: Row, column: str, value: str) -> Row:
    at = HEADERS[table].index(column)
    return (*row[:at], value, *row[at + 1 :])


def _without_required(table: str, row: Row, place: int) -> Row:
    columns = _REQUIRED[table]
    return _replaced(table, row, columns[place % len(columns)], "")


def _one_of(faults: dict[str, tuple[tuple[str, str], ...]]) -> Callable[[str, Row, int], Row]:
    """Replaces one value, by the faults of the table in turn."""

    def broken(table: str, row: Row, place: int) -> Row:
        return _replaced(table, row, *faults[table][place % len(faults[table])])

    return broken


def _without_customer(table: str, row: Row, place: int) -> Row:
    """The id of the order is that of no customer."""
    del place
    return _replaced(table, row, "customer_id", row[0])


def _misshapen(table: str, row: Row, place: int) -> Row:
    """Too many and too few fields in turn; a shortened record keeps its key."""
    del table
    return (*row, "surplus") if place % 2 == 0 else row[:-2]


def _duplicate(table: str, row: Row) -> Row:
    return _replaced(table, row, *_OTHER_CONTENT[table])


def _any(row: Row) -> bool:
    return bool(row)


def _has_arrived(row: Row) -> bool:
    return row[2] == "delivered" and "" not in row


_IS_SUITABLE: dict[str, Callable[[Row], bool]] = {
    "orders": _has_arrived,
    "order_items": _any,
    "order_payments": _any,
    "order_reviews": _any,
}
