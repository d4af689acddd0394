"""The kinds of checks that a contract implies, each a predicate with its metrics. None needs an engine."""

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial

from olist_assets.checks.replay import differences, drift_of_events, rows_given
from olist_assets.checks.score_drift import score_drift_check
from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.checks.stream import contiguous_check, lag_check, lost_event_check
from olist_assets.checks.thresholds import threshold_checks
from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.rules import Accounting, ForeignKey, Reconciliation, RowCount, Rule
from olist_assets.contracts.source_files import CORRUPT, SourceFile
from olist_assets.contracts.source_values import NULL_WORDS, SHORT_ZIP_PREFIX
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.feeds import is_fed
from olist_assets.lakehouse.schemas import shape
from olist_assets.lakehouse.sql import tables_named
from olist_assets.source.csv_file import source_file
from olist_assets.source.drift import drift

# Reconciled sums are compared as doubles.
ROUNDING_ERROR = 1e-6


def checks_of(table: Table, table_names: Iterable[str]) -> list[Check]:
    """All checks that a contract implies; `table_names` are those that may occur in its queries."""
    reads = partial(_tables_in, tuple(table_names))
    checks = [schema_check(), null_check(table)]
    if not table.may_be_empty:
        # A warning for a daily table: the first day that is materialized may have no order.
        checks.append(row_count_check(blocking=table.day is None))
    if table.key:
        checks.append(key_check(table.key))
    if table.source:
        checks += [file_check(table.source), replay_check(table.source), drift_check(table.source)]
        checks += [parse_check(), null_word_check(table.source)]
        checks += [zip_prefix_check(name) for name, kind in table.source.types.items() if kind == "zip_prefix"]
    checks += [range_check(c) for c in table.columns if c.minimum is not None or c.maximum is not None]
    checks += [accepted_check(c) for c in table.columns if c.accepted]
    checks += [foreign_key_check(key) for key in table.foreign_keys]
    checks += [equal_count_check(count, reads(count.sql)) for count in table.row_counts]
    checks += [reconciliation_check(pair, reads(pair.left, pair.right)) for pair in table.reconciliations]
    checks += [rule_check(rule, reads(rule.offending)) for rule in table.rules]
    checks += [score_drift_check(column) for column in table.scores]
    if table.numbered_by:
        checks.append(contiguous_check(table.numbered_by, table.key))
    if table.batches_of:
        checks.append(lost_event_check(table.batches_of))
        if lag := table.thresholds.lag:
            checks.append(lag_check(table.batches_of, lag, table.thresholds.deviations))
    if table.accounting:
        queries = (table.accounting.kept, table.accounting.filtered, rejects_query(table.accounting))
        checks.append(accounting_check(table.accounting, reads(*queries)))
    return [*checks, *threshold_checks(table, reads)]


def _tables_in(table_names: tuple[str, ...], *queries: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for query in queries for name in tables_named(query, table_names)))


def schema_check() -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        found = shape(on.delta)
        expected = {c.name: (c.type, c.nullable) for c in on.table.columns}
        names = [*expected, *(name for name in found if name not in expected)]
        different = [
            f"{n}: {found.get(n)} instead of {expected.get(n)}" for n in names if found.get(n) != expected.get(n)
        ]
        # New columns of a source are at the end of its snapshot; `source_matches_contract` reports them.
        extra = set(found) - set(expected) if on.table.source else set()
        different = [text for text in different if text.split(":")[0] not in extra]
        in_order = [name for name in found if name not in extra] == list(expected)
        return not different and in_order, {"differences": different}

    return Check("schema_matches_contract", "Names, order, types and nullability are those of the contract.", evaluate)


def row_count_check(*, blocking: bool) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        return on.statistics.rows > 0, {"rows": on.statistics.rows}

    return Check("row_count_is_positive", "The table has rows.", evaluate, blocking)


def null_check(table: Table) -> Check:
    required = [c.name for c in table.required]

    def evaluate(on: CheckContext) -> Verdict:
        counted = on.statistics.nulls
        uncounted = [name for name in required if name not in counted]
        nulls = {name: counted[name] for name in required if name in counted}
        if uncounted and on.statistics.rows:
            # deltalake writes no null counts of arrays into the log.
            counts = ", ".join(f"count(*) - count({identifier(name)})" for name in uncounted)
            nulls |= dict(zip(uncounted, on.rows(f"SELECT {counts} FROM {{table}}")[0], strict=True))
        return not any(nulls.values()), {"nulls": sum(nulls.values()), "nulls_by_column": nulls}

    return Check("required_columns_have_no_nulls", f"No nulls in {', '.join(required)}.", evaluate)


def offending_rows(
    name: str, description: str, query: str, *, blocking: bool = True, reads: tuple[str, ...] = ()
) -> Check:
    """A check that holds if a query counts zero rows."""

    def evaluate(on: CheckContext) -> Verdict:
        rows = on.scalar(query)
        return rows == 0, {"offending_rows": rows}

    return Check(name, description, evaluate, blocking, reads)


def key_check(key: tuple[str, ...]) -> Check:
    columns = ", ".join(map(identifier, key))
    query = f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) n FROM {{table}} GROUP BY {columns})"
    names = "_and_".join(key) if len(key) == 2 else "_".join(key)
    name = f"{names}_{'is' if len(key) == 1 else 'are'}_unique"
    return offending_rows(name, f"No two rows have the same {columns}.", query)


def range_check(column: Column) -> Check:
    name = identifier(column.name)
    bounds = [f"{name} < {column.minimum}"] if column.minimum is not None else []
    bounds += [f"{name} > {column.maximum}"] if column.maximum is not None else []
    limits = [f"at least {column.minimum}"] if column.minimum is not None else []
    limits += [f"at most {column.maximum}"] if column.maximum is not None else []
    query = f"SELECT count(*) FROM {{table}} WHERE {' OR '.join(bounds)}"
    return offending_rows(
        f"{column.name}_is_in_range", f"{column.name} is {' and '.join(limits)}.", query, blocking=False
    )


def accepted_check(column: Column) -> Check:
    values = ", ".join(map(literal, column.accepted))
    query = f"SELECT count(*) FROM {{table}} WHERE {identifier(column.name)} NOT IN ({values})"
    return offending_rows(f"{column.name}_is_accepted", f"{column.name} is one of {values}.", query)


def foreign_key_check(key: ForeignKey) -> Check:
    column, to_table, to_column = map(identifier, (key.column, key.to_table, key.to_column))
    query = (
        f"SELECT count(*) FROM {{table}} t ANTI JOIN {to_table} u ON t.{column} = u.{to_column} "
        f"WHERE t.{column} IS NOT NULL"
    )
    name = f"{key.column}_exists_in_{key.to_table}"
    description = f"Each {key.column} exists in {key.to_table}."
    return offending_rows(name, description, query, blocking=key.blocking, reads=(key.to_table,))


def parse_check() -> Check:
    query = f"SELECT count(*) FROM {{table}} WHERE {CORRUPT} IS NOT NULL"
    return offending_rows("records_parse", "Each record has the header's columns.", query, blocking=False)


def null_word_check(source: SourceFile) -> Check:
    words = ", ".join(map(literal, NULL_WORDS))
    counts = ", ".join(f"count(*) FILTER (lower(trim({identifier(name)})) IN ({words}))" for name in source.coded)

    def evaluate(on: CheckContext) -> Verdict:
        counted = dict(zip(source.coded, on.rows(f"SELECT {counts} FROM {{table}}")[0], strict=True))
        found = {name: rows for name, rows in counted.items() if rows}
        remedy = {"remedy": "Save the file with empty fields instead; in pandas: to_csv(..., na_rep='')."}
        return not found, {"null_words_by_column": found} | (remedy if found else {})

    description = f"No value is a word for a missing one ({words}), except in free text. Such rows become rejects."
    return Check("missing_values_are_empty", description, evaluate, blocking=False)


def zip_prefix_check(column: str) -> Check:
    is_short = f"regexp_full_match(trim({identifier(column)}), {literal(SHORT_ZIP_PREFIX)})"

    def evaluate(on: CheckContext) -> Verdict:
        values, short = on.rows(f"SELECT count({identifier(column)}), count(*) FILTER ({is_short}) FROM {{table}}")[0]
        metrics = {"short_prefixes": short, "share": short / values if values else 0.0}
        remedy = {"remedy": "Silver restores the zeros. Import the column as text before you save the file."}
        return short == 0, metrics | (remedy if short else {})

    description = f"Each {column} has five digits. Spreadsheets drop leading zeros."
    return Check("zip_prefixes_have_five_digits", description, evaluate, blocking=False)


def file_check(source: SourceFile) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        expected, parts = rows_expected(on, source)
        return on.statistics.rows == expected, {"rows": on.statistics.rows, **parts}

    description = f"The table has as many rows as {source.name} has records, or as the order events give that feed it."
    return Check("row_count_matches_file", description, evaluate)


def rows_expected(on: CheckContext, source: SourceFile) -> tuple[int, dict[str, int]]:
    """How many rows a snapshot should have, and what the number comes from."""
    if is_fed(on.delta):
        return rows_given(on, source)
    file = source_file(on.warehouse.settings, source)
    return file.records, {"records": file.records, "lines_without_a_value": file.valueless}


def drift_check(source: SourceFile) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        is_of_events = is_fed(on.delta)
        found = drift_of_events(on, source) if is_of_events else drift(on.sql, on.warehouse.settings, source)
        return not found.described(), {"differences": found.described()}

    description = (
        f"{source.name}, or the latest order events, have the columns of its contract, with values of their types."
    )
    return Check("source_matches_contract", description, evaluate, blocking=False)


def replay_check(source: SourceFile) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        if not is_fed(on.delta):
            return True, {"order_events": "none have changed this table"}
        found = differences(on, source)
        return not found, asdict(found)

    # The events are opened only where they feed the table: most warehouses have none.
    description = "If order events feed the table, it has exactly the latest record of each key that they give."
    return Check("current_state_equals_replay", description, evaluate)


def equal_count_check(count: RowCount, reads: tuple[str, ...]) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        expected = on.scalar(count.sql)
        return on.statistics.rows == expected, {"rows": on.statistics.rows, "expected": expected}

    return Check(count.name, count.description, evaluate, count.blocking, reads)


def reconciliation_check(pair: Reconciliation, reads: tuple[str, ...]) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        left, right = (float(on.scalar(query) or 0) for query in (pair.left, pair.right))
        return abs(left - right) <= pair.tolerance + ROUNDING_ERROR, {
            "left": left,
            "right": right,
            "difference": left - right,
        }

    return Check(pair.name, pair.description, evaluate, reads=reads)


def rule_check(rule: Rule, reads: tuple[str, ...]) -> Check:
    return offending_rows(rule.name, rule.description, rule.offending, blocking=rule.blocking, reads=reads)


def rejects_query(rule: Accounting) -> str:
    return f'SELECT count(*) FROM silver_rejects WHERE "table" = {literal(rule.source)}'


def accounting_check(rule: Accounting, reads: tuple[str, ...]) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        counts = {
            "source_rows": on.scalar(f"SELECT count(*) FROM {rule.source}"),
            "kept": int(on.scalar(rule.kept)),
            "filtered": on.scalar(rule.filtered),
            "rejected": on.scalar(rejects_query(rule)),
        }
        lost = counts["source_rows"] - counts["kept"] - counts["filtered"] - counts["rejected"]
        return lost == 0, counts | {"lost": lost}

    description = f"Each row of {rule.source} is in this table, filtered by a stated rule, or in silver_rejects."
    # A warning: while only some days are materialized, rows of the other days are not lost.
    return Check("nothing_is_lost", description, evaluate, blocking=False, reads=(rule.source, *reads))
