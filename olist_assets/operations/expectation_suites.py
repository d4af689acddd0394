"""Contracts as suites of Great Expectations: which expectation is equivalent to which check. Data only, without GX."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from olist_assets.checks import kinds
from olist_assets.checks.spec import Check
from olist_assets.contracts.rules import ForeignKey
from olist_assets.contracts.source_files import CORRUPT, SourceFile
from olist_assets.contracts.source_values import NULL_WORDS, SHORT_ZIP_PREFIX
from olist_assets.contracts.table import Column, Table

# What DuckDB's `trim` removes: Unicode's separators of words, but no tabs and line ends.
BLANKS = r"[^\S\t-\r\x1c-\x1f\x85\u2028\u2029]*"

Entry = tuple[Check, str, Mapping[str, Any]]


@dataclass(frozen=True)
class Expectation:
    """An expectation: the check that it is a part of, the name of GX's class and its arguments."""

    check: Check
    kind: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Suites:
    """What GX expects of a table's stored schema and of its rows, and the checks that have no equivalent."""

    schema: tuple[Expectation, ...]
    rows: tuple[Expectation, ...]
    not_expressible: tuple[Check, ...]

    @property
    def checks(self) -> dict[str, Check]:
        """The checks with an equivalent, by name."""
        return {expectation.check.name: expectation.check for expectation in (*self.schema, *self.rows)}


def suites_of(table: Table, table_names: Iterable[str]) -> Suites:
    """The suites of a contract; `table_names` are those that may occur in its queries."""
    checks = {check.name: check for check in kinds.checks_of(table, table_names)}

    def existing(entries: Iterable[Entry]) -> tuple[Expectation, ...]:
        # The contract decides which checks there are, and `checks_of` alone reads it from there.
        return tuple(
            Expectation(checks[check.name], kind, arguments)
            for check, kind, arguments in entries
            if check.name in checks
        )

    schema, rows = existing(_of_schema(table)), existing(_of_rows(table))
    expressed = {expectation.check.name for expectation in (*schema, *rows)}
    return Suites(schema, rows, tuple(check for name, check in checks.items() if name not in expressed))


def stored_as(kind: str, nullable: bool) -> str:
    """Type and nullability of a column, as the one row of the schema's frame has them."""
    return kind if nullable else f"{kind} not null"


def parent(key: ForeignKey) -> str:
    """The column of the rows' frame with the value to which a foreign key refers; null where there is none."""
    return f"{key.column} in {key.to_table}"


def parameter(check: Check) -> dict[str, str]:
    """The number of rows that a check expects: known when it runs, so no part of the suite."""
    return {"$PARAMETER": check.name}


def _of_schema(table: Table) -> Iterator[Entry]:
    check = kinds.schema_check()
    yield check, "ExpectTableColumnsToMatchOrderedList", {"column_list": list(table.column_names)}
    for column in table.columns:
        yield check, "ExpectColumnValuesToBeInSet", _in_set(column.name, stored_as(column.type, column.nullable))


def _of_rows(table: Table) -> Iterator[Entry]:
    for column in table.required:
        yield kinds.null_check(table), "ExpectColumnValuesToNotBeNull", {"column": column.name}
    yield kinds.row_count_check(blocking=True), "ExpectTableRowCountToBeBetween", {"min_value": 1}
    yield kinds.key_check(table.key), *_unique(table.key)
    if table.source:
        yield from _of_source(table.source)
    for column in table.columns:
        yield from _of_values(column)
    for key in table.foreign_keys:
        of_references = {"row_condition": f'col("{key.column}").notnull()', "condition_parser": "great_expectations"}
        arguments = {"column": parent(key), **of_references}
        yield kinds.foreign_key_check(key), "ExpectColumnValuesToNotBeNull", arguments
    for count in table.row_counts:
        check = kinds.equal_count_check(count, ())
        yield check, "ExpectTableRowCountToEqual", {"value": parameter(check)}


def _of_source(source: SourceFile) -> Iterator[Entry]:
    check = kinds.file_check(source)
    yield check, "ExpectTableRowCountToEqual", {"value": parameter(check)}
    yield kinds.parse_check(), "ExpectColumnValuesToBeNull", {"column": CORRUPT}
    words = "|".join(map(re.escape, NULL_WORDS))
    for name in source.coded:
        yield kinds.null_word_check(source), "ExpectColumnValuesToNotMatchRegex", _no_match(name, words)
        yield kinds.zip_prefix_check(name), "ExpectColumnValuesToNotMatchRegex", _no_match(name, SHORT_ZIP_PREFIX)


def _of_values(column: Column) -> Iterator[Entry]:
    limits = {"min_value": column.minimum, "max_value": column.maximum}
    yield kinds.range_check(column), "ExpectColumnValuesToBeBetween", {"column": column.name, **limits}
    yield kinds.accepted_check(column), "ExpectColumnValuesToBeInSet", _in_set(column.name, *column.accepted)


def _unique(key: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
    if len(key) == 1:
        return "ExpectColumnValuesToBeUnique", {"column": key[0]}
    return "ExpectCompoundColumnsToBeUnique", {"column_list": list(key), "ignore_row_if": "never"}


def _in_set(column: str, *values: str) -> dict[str, Any]:
    return {"column": column, "value_set": list(values)}


def _no_match(column: str, pattern: str) -> dict[str, Any]:
    return {"column": column, "regex": rf"(?i)\A{BLANKS}(?:{pattern}){BLANKS}\Z"}
