"""The kinds of checks that a contract implies, each a predicate with its figures. None needs a JVM."""

from typing import Any

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.checks.spec import Check, Evaluation
from olist_assets.contracts.rules import Accounting, ForeignKey, Reconciliation, RowCount, Rule
from olist_assets.contracts.table import Column, Table
from olist_assets.source.drift import drift
from olist_assets.checks.thresholds import usual_checks
from olist_assets.lakehouse.schemas import shape
from olist_assets.contracts.source_files import SourceFile
from olist_assets.source.dialect import record_count
from olist_assets.source.files import source_folder

DECILES = "0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9"
MOST_SHIFT = 0.25


def checks_of(table: Table) -> list[Check]:
    """All checks that a contract implies."""
    checks = [schema_check(), null_check(table)]
    if not table.may_be_empty:
        # A warning where days can be made one by one: the first of them may have sold nothing.
        checks.append(row_count_check(blocking=table.cluster_by is None))
    if table.key:
        checks.append(key_check(table.key))
    if table.source:
        checks += [file_check(table.source), drift_check(table.source), parse_check()]
    checks += [range_check(c) for c in table.columns if c.minimum is not None or c.maximum is not None]
    checks += [accepted_check(c) for c in table.columns if c.accepted]
    checks += [foreign_key_check(key) for key in table.foreign_keys]
    checks += [equal_count_check(count) for count in table.row_counts]
    checks += [reconciliation_check(pair) for pair in table.reconciliations]
    checks += [rule_check(rule) for rule in table.rules]
    checks += [score_drift_check(column) for column in table.scores]
    if table.accounting:
        checks.append(accounting_check(table.accounting))
    return [*checks, *usual_checks(table)]


def schema_check() -> Check:
    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        found = shape(on.delta)
        expected = {c.name: (c.type, c.nullable) for c in on.table.columns}
        names = [*expected, *(name for name in found if name not in expected)]
        different = [
            f"{n}: {found.get(n)} instead of {expected.get(n)}" for n in names if found.get(n) != expected.get(n)
        ]
        # What a source has beyond the contract stands at the end of its snapshot: its own check tells of it.
        taken_along = set(found) - set(expected) if on.table.source else set()
        different = [text for text in different if text.split(":")[0] not in taken_along]
        in_order = [name for name in found if name not in taken_along] == list(expected)
        return not different and in_order, {"differences": different}

    return Check("schema_matches_contract", "Names, order, types and nullability are the contract's.", evaluate)


def row_count_check(*, blocking: bool) -> Check:
    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        return on.statistics["rows"] > 0, {"rows": on.statistics["rows"]}

    return Check("row_count_is_positive", "The table has rows.", evaluate, blocking)


def null_check(table: Table) -> Check:
    required = [c.name for c in table.required]

    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        counted = on.statistics["nulls"]
        uncounted = [name for name in required if name not in counted]
        nulls = {name: counted[name] for name in required if name in counted}
        if uncounted and on.statistics["rows"]:
            # The log counts no nulls of arrays.
            query = ", ".join(f'count(*) - count("{name}")' for name in uncounted)
            row = on.sql.execute(f'SELECT {query} FROM "{on.table.name}"').fetchone() or ()
            nulls |= dict(zip(uncounted, row, strict=True))
        return not any(nulls.values()), {"nulls": sum(nulls.values()), "nulls_by_column": nulls}

    return Check("required_columns_have_no_nulls", f"No nulls in {', '.join(required)}.", evaluate)


def offending_rows(
    name: str, description: str, query: str, *, blocking: bool = True, reads: tuple[str, ...] = ()
) -> Check:
    """A check that holds when a query counts zero rows; `{table}` in it is the table checked."""

    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        rows = on.scalar(query.replace("{table}", on.table.name))
        return rows == 0, {"offending_rows": rows}

    return Check(name, description, evaluate, blocking, reads)


def key_check(key: tuple[str, ...]) -> Check:
    columns = ", ".join(f'"{name}"' for name in key)
    query = f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) n FROM {{table}} GROUP BY {columns})"
    name = f"{'_and_'.join(key)}_{'is' if len(key) == 1 else 'are'}_unique"
    return offending_rows(name, f"No two rows have the same {columns}.", query)


def range_check(column: Column) -> Check:
    bounds = [f'"{column.name}" < {column.minimum}'] if column.minimum is not None else []
    bounds += [f'"{column.name}" > {column.maximum}'] if column.maximum is not None else []
    limits = [f"at least {column.minimum}"] if column.minimum is not None else []
    limits += [f"at most {column.maximum}"] if column.maximum is not None else []
    query = f"SELECT count(*) FROM {{table}} WHERE {' OR '.join(bounds)}"
    return offending_rows(
        f"{column.name}_is_in_range", f"{column.name} is {' and '.join(limits)}.", query, blocking=False
    )


def accepted_check(column: Column) -> Check:
    values = ", ".join("'" + value.replace("'", "''") + "'" for value in column.accepted)
    query = f'SELECT count(*) FROM {{table}} WHERE "{column.name}" NOT IN ({values})'
    return offending_rows(f"{column.name}_is_accepted", f"{column.name} is one of {values}.", query)


def foreign_key_check(key: ForeignKey) -> Check:
    query = (
        f'SELECT count(*) FROM {{table}} t ANTI JOIN "{key.to_table}" u ON t."{key.column}" = u."{key.to_column}" '
        f'WHERE t."{key.column}" IS NOT NULL'
    )
    name = f"{key.column}_exists_in_{key.to_table}"
    description = f"Each {key.column} stands in {key.to_table}."
    return offending_rows(name, description, query, blocking=key.blocking, reads=(key.to_table,))


def parse_check() -> Check:
    query = "SELECT count(*) FROM {table} WHERE _corrupt_record IS NOT NULL"
    return offending_rows("records_parse", "Each record has the header's columns.", query, blocking=False)


def file_check(source: SourceFile) -> Check:
    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        records = record_count(source_folder(on.settings) / source.name)
        return on.statistics["rows"] == records, {"rows": on.statistics["rows"], "records": records}

    return Check("row_count_matches_file", f"As many rows as {source.name} has records.", evaluate)


def drift_check(source: SourceFile) -> Check:
    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        differences = drift(source_folder(on.settings) / source.name, source).described()
        return not differences, {"differences": differences}

    description = f"{source.name} has the columns agreed on, of the types agreed on."
    return Check("source_matches_contract", description, evaluate, blocking=False)


def equal_count_check(count: RowCount) -> Check:
    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        expected = on.scalar(count.sql)
        return on.statistics["rows"] == expected, {"rows": on.statistics["rows"], "expected": expected}

    return Check(count.name, count.description, evaluate, count.blocking, _tables_in(count.sql))


def reconciliation_check(pair: Reconciliation) -> Check:
    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        left, right = (float(on.scalar(query) or 0) for query in (pair.left, pair.right))
        return abs(left - right) <= pair.tolerance + 1e-6, {"left": left, "right": right, "difference": left - right}

    return Check(pair.name, pair.description, evaluate, reads=_tables_in(pair.left, pair.right))


def rule_check(rule: Rule) -> Check:
    tables_read = _tables_in(rule.offending)
    return offending_rows(rule.name, rule.description, rule.offending, blocking=rule.blocking, reads=tables_read)


def score_drift_check(column: str) -> Check:
    """Whether a score is distributed as in the version before, by the population stability index.

    PSI = sum over ten bins of (new - old) * ln(new / old), the bins' bounds the deciles of the old scores (Siddiqi,
    Credit Risk Scorecards, 2006, which calls more than 0.25 a significant shift, less than 0.1 none).
    """

    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        before = lakehouse.version_before(on.settings, on.table.name, on.delta.version())
        if before is None:
            return True, {"compared_with_version": "none: it is the first"}
        lakehouse.create_view(on.sql, f"{column}_before", before, lakehouse.data_files(before))
        psi = on.scalar(_psi_query(on.table.name, f"{column}_before", column))
        return psi <= MOST_SHIFT, {"psi": psi, "most": MOST_SHIFT, "compared_with_version": before.version()}

    return Check(f"{column}_is_stable", f"{column} is distributed as in the version before.", evaluate, blocking=False)


def _psi_query(new: str, old: str, column: str) -> str:
    # An empty bin would make the logarithm infinite: no share is taken as less than one in ten thousand.
    share = "greatest(coalesce(max(share) FILTER ({0}), 0), 0.0001)"
    return f"""
        WITH bounds AS (SELECT list_distinct(quantile_disc({column}, [{DECILES}])) AS bounds FROM {old}),
        scores AS (SELECT {column} AS score, true AS is_new FROM {new} UNION ALL SELECT {column}, false FROM {old}),
        binned AS (SELECT is_new, len(list_filter(bounds, lambda bound: bound < score)) AS bin FROM scores, bounds),
        shares AS (SELECT is_new, bin, count(*) / sum(count(*)) OVER (PARTITION BY is_new) AS share
                   FROM binned GROUP BY is_new, bin),
        paired AS (SELECT {share.format("is_new")} AS new, {share.format("NOT is_new")} AS old
                   FROM shares GROUP BY bin)
        SELECT sum((new - old) * ln(new / old)) FROM paired"""


def accounting_check(rule: Accounting) -> Check:
    rejects = f"SELECT count(*) FROM silver_rejects WHERE \"table\" = '{rule.source}'"

    def evaluate(on: Evaluation) -> tuple[bool, dict[str, Any]]:
        figures = {
            "source_rows": on.scalar(f"SELECT count(*) FROM {rule.source}"),
            "kept": int(on.scalar(rule.kept)),
            "filtered": on.scalar(rule.filtered),
            "rejected": on.scalar(rejects),
        }
        lost = figures["source_rows"] - figures["kept"] - figures["filtered"] - figures["rejected"]
        return lost == 0, figures | {"lost": lost}

    description = f"Each row of {rule.source} is here, filtered by a stated rule, or in silver_rejects."
    reads = (rule.source, *_tables_in(rule.kept, rule.filtered, rejects))
    # A warning: while only some days are materialized, rows of the others are not lost.
    return Check("nothing_is_lost", description, evaluate, blocking=False, reads=reads)


def _tables_in(*queries: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for query in queries for name in lakehouse.mentioned(query, tables())))
