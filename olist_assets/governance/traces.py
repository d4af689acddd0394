"""Ids of people, of their orders and of their reviews: which texts are ids, and which ids belong together.

A row belongs to a person if any of its columns, or the text of a record that did not parse, holds one of these ids. A
column by itself is not enough: a record with one field too few or too many has its values in the wrong columns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import duckdb

from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_files import CORRUPT, SOURCES
from olist_assets.contracts.source_values import NULL_WORDS, pattern
from olist_assets.errors import OlistError

PERSONAL_KEYS = ("customer_id", "customer_unique_id")
RECORD_KEYS = ("order_id", "review_id")
SUBJECTS = ("customers", "orders", "order_reviews")
"""The files that lead from a person to the orders and from these to the reviews."""
GIVEN_BY = {"customers": PERSONAL_KEYS, "orders": ("order_id", "customer_id"), "order_reviews": ("review_id",)}
WORD = "[0-9a-z_-]{12,}"
ID = "[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""An id in any text: 32 hexadecimal digits, as in the published dataset, or a UUID."""
# A person of the published dataset has 34 ids at the most: the own one, and two for each of 16 orders and the reviews.
MAX_IDS = 1000


@dataclass(frozen=True)
class Traces:
    """Ids of people, and of their orders and reviews, all in their normal form."""

    ids: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.records)

    def of(self, column: str) -> frozenset[str]:
        """The ids that belong into a column."""
        return self.ids if column in PERSONAL_KEYS else self.records if column in RECORD_KEYS else frozenset()


@dataclass
class Followed:
    """Ids with the label of whoever they were found from, and the ids of the orders and reviews."""

    labels: dict[str, tuple[str, ...]]
    records: set[str] = field(default_factory=set)

    @property
    def traces(self) -> Traces:
        return Traces(frozenset(self.labels), frozenset(self.records))


def normal(value: str) -> str:
    """An id as it is compared: without spaces around it, in lower case."""
    return value.strip().lower()


def is_distinctive(value: str) -> bool:
    """Whether an id is one wherever it stands; others, such as `7`, are ids only as the value of their column."""
    return re.fullmatch(WORD, value) is not None and any(map(str.isdigit, value))


def any_of(values: Iterable[str]) -> str | None:
    """A regular expression, alike in RE2, Rust and Java, of the distinctive ones; None if there are none."""
    # By their first letters: Java tries one alternative after the other at every position of a text.
    known = sorted(value for value in set(values) if is_distinctive(value))
    groups = (
        f"{start}(?:{'|'.join(value[2:] for value in group)})" for start, group in groupby(known, lambda v: v[:2])
    )
    return "|".join(groups) or None


def follow(con: duckdb.DuckDBPyConnection, labels: Mapping[str, tuple[str, ...]], records: Iterable[str]) -> Followed:
    """All ids of the people whom some ids belong to, in the SUBJECTS, which are relations of the connection.

    An id that stands in a row of `customers` beside one of theirs is theirs too.
    """
    found = Followed({normal(known): label for known, label in labels.items()}, set(records))
    while new := {
        name: min(found.labels[known] for known in beside if known in found.labels)
        for beside in _ids_of_rows(con, "customers", found.traces.ids)
        for name in beside - found.labels.keys()
    }:
        found.labels.update(new)
    orders = set().union(found.records, *_ids_of_rows(con, "orders", found.traces.ids)) - found.labels.keys()
    reviews = set().union(*_ids_of_rows(con, "order_reviews", orders)) - found.labels.keys()
    found.records = orders | reviews
    return found


def require_one_person(found: Followed) -> None:
    """Raises OlistError if there are too many ids for one person: a word that stands for a missing id joins many."""
    if len(found.labels) + len(found.records) > MAX_IDS:
        raise OlistError(
            f"The id leads to {len(found.labels):,} ids of customers and {len(found.records):,} of orders and reviews, "
            f"more than the {MAX_IDS:,} of one person: is it a word for a missing id? Nothing was erased."
        )


def words(relation: str) -> str:
    """DuckDB's SQL for all texts of a relation that may be ids, in its column `word`."""
    text = _text(relation)
    keys = ", ".join(f"trim({name})" for name in _keys(relation))
    found = ", ".join(f"regexp_extract_all({text}, '{pattern}', 0, 'i')" for pattern in (WORD, ID))
    return f"SELECT unnest(list_concat({found}, [{keys}])) AS word FROM {relation}"


def _ids_of_rows(con: duckdb.DuckDBPyConnection, relation: str, known: Iterable[str]) -> Iterator[set[str]]:
    """For each row that holds one of the ids: all ids that it holds."""
    known, coded = set(known), _coded(relation)
    if not known:
        return
    is_theirs = " OR ".join(f"lower(trim({name})) IN (SELECT unnest($known))" for name in _keys(relation))
    expression = any_of(known)
    if expression:
        is_theirs += f" OR regexp_matches({_text(relation)}, $expression, 'i')"
    rows = con.execute(
        f"SELECT {', '.join(map(identifier, coded))}, {CORRUPT} FROM {relation} WHERE {is_theirs}",
        {"known": sorted(known)} | ({"expression": expression} if expression else {}),
    ).fetchall()
    for *values, corrupt in rows:
        found = {name for value in values if value for name in _ids_in(value)}
        if corrupt is None:
            row = {name: value for name, value in zip(coded, values, strict=True) if value and not _is_blank(value)}
            # In a shifted row, the zip prefix of many people may be in the column of an id.
            keys = _keys(relation) if _has_its_forms(row, relation) else ()
            yield found | {normal(row[name]) for name in keys if name in row}
        else:
            # Two records that became one by a lost line break hold ids of two people.
            found |= set(_ids_in(corrupt))
            yield found - (_known_elsewhere(con, found) - known)


def _known_elsewhere(con: duckdb.DuckDBPyConnection, candidates: set[str]) -> set[str]:
    """Those that a good row gives to a customer, to an order or to a review."""
    union = " UNION ALL ".join(
        f"SELECT lower(trim({name})) AS word FROM {relation} WHERE {CORRUPT} IS NULL"
        for relation, names in GIVEN_BY.items()
        for name in names
    )
    found = con.execute(f"SELECT DISTINCT word FROM ({union}) WHERE word IN (SELECT unnest($1))", [sorted(candidates)])
    return {word for (word,) in found.fetchall()}


def _ids_in(text: str) -> Iterator[str]:
    # Not every long word: a time like 2018-01-01T10 is one, and stands in the rows of many people.
    yield from re.findall(ID, text.lower())


def _has_its_forms(row: Mapping[str, str], relation: str) -> bool:
    """Whether all values have the form of their columns."""
    types = SOURCES[relation].types
    return all(re.fullmatch(pattern(types[name]), value.strip()) for name, value in row.items() if name in types)


def _is_blank(value: str) -> bool:
    return normal(value) in ("", *NULL_WORDS)


def _coded(relation: str) -> tuple[str, ...]:
    # What somebody wrote about another person's order does not make that order theirs.
    return SOURCES[relation].coded


def _keys(relation: str) -> tuple[str, ...]:
    return tuple(name for name in _coded(relation) if name in (*PERSONAL_KEYS, *RECORD_KEYS))


def _text(relation: str) -> str:
    return f"concat_ws(chr(10), {', '.join(map(identifier, (*_coded(relation), CORRUPT)))})"
