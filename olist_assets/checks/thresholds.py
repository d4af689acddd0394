"""The checks of a table against its own history, by the thresholds of its contract.

All of them warn: none says that a row is wrong.
"""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from math import log
from typing import Any

from olist_assets.checks.commit_times import COMMIT_CHECK, commit_time_check
from olist_assets.checks.profile_checks import profile_checks
from olist_assets.checks.robust import MIN_PAST, is_usual
from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.checks.stream import LAG_CHECK
from olist_assets.checks.volume import judged_days
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.source_files import INGESTED
from olist_assets.contracts.source_values import plausible_day
from olist_assets.contracts.table import Table
from olist_assets.contracts.thresholds import Duplicates, Freshness, Thresholds, Volume
from olist_assets.lakehouse.order_days import source_days
from olist_assets.lakehouse.past_versions import null_rates
from olist_assets.lakehouse.schemas import shape

FRESHNESS_CHECK = "data_are_fresh"
# They also fail without a new version of the table, so they must be run even if the table is not.
CLOCK_CHECKS = (FRESHNESS_CHECK, COMMIT_CHECK, LAG_CHECK)


def threshold_checks(table: Table, reads: Callable[..., tuple[str, ...]]) -> Iterator[Check]:
    """One check per kind of threshold; `reads` are the tables that queries name."""
    limits = table.thresholds
    yield row_count_check(limits)
    if any(column.nullable for column in table.columns):
        yield null_rate_check(limits)
    yield schema_check()
    if limits.duplicates:
        yield duplicate_check(limits.duplicates)
    if limits.freshness:
        yield freshness_check(table, limits.freshness)
        yield commit_time_check(limits.freshness)
    if limits.volume:
        yield volume_check(limits, limits.volume)
    yield from profile_checks(table, reads(*(profile.source for profile in limits.profiles)))


def row_count_check(limits: Thresholds) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        counts = [past.rows for past in on.history] + [on.statistics.rows]
        # A growing table never repeats a count, so growth is compared. Adding 1 gives an empty version a logarithm.
        changes = [log((new + 1) / (old + 1)) for old, new in pairwise(counts)]
        metrics = {"rows": counts[-1], "rows_before": counts[:-1]}
        if len(changes) <= MIN_PAST:
            return True, metrics | _too_short(len(counts) - 1)
        return is_usual(changes[-1], changes[:-1], limits.row_change.value, limits.deviations.value), metrics

    reason = f"The log change from version to version is within {limits.row_change.value}. {limits.row_change.reason}"
    return Check("row_count_is_usual", reason, evaluate, blocking=False)


def null_rate_check(limits: Thresholds) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        if len(on.history) < MIN_PAST:
            return True, _too_short(len(on.history))
        unusual = {}
        for name, rate in null_rates(on.statistics.rows, on.statistics.nulls).items():
            past = [version.nulls[name] for version in on.history if name in version.nulls]
            if len(past) >= MIN_PAST and not is_usual(rate, past, limits.null_rate.value, limits.deviations.value):
                unusual[name] = {"rate": rate, "rates_before": past}
        return not unusual, {"unusual": unusual}

    reason = f"Null rates by column change by at most {limits.null_rate.value}. {limits.null_rate.reason}"
    return Check("null_rates_are_usual", reason, evaluate, blocking=False)


def schema_check() -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        if not on.history:
            return True, _too_short(0)
        old, new = on.history[-1].shape, shape(on.delta)
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        differences = [f"{name}: {new.get(name, 'missing')}, before {old.get(name, 'missing')}" for name in changed]
        return not differences, {"differences": differences, "version_before": on.history[-1].version}

    description = "Columns and types are those of the version before, even if the contract changed with them."
    return Check("schema_matches_version_before", description, evaluate, blocking=False)


def duplicate_check(duplicates: Duplicates) -> Check:
    columns = ", ".join(map(identifier, duplicates.key))

    def evaluate(on: CheckContext) -> Verdict:
        rows = on.statistics.rows
        distinct = on.scalar(f"SELECT count(*) FROM (SELECT DISTINCT {columns} FROM {{table}})")
        rate = (rows - distinct) / rows if rows else 0.0
        return rate <= duplicates.rate.value, {"duplicates": rows - distinct, "rate": rate}

    reason = f"The share of rows that repeat {columns} is at most {duplicates.rate.value}. {duplicates.rate.reason}"
    return Check("duplicates_are_usual", reason, evaluate, blocking=False)


def freshness_check(table: Table, freshness: Freshness) -> Check:
    is_text = freshness.column == table.source_day
    column = identifier(freshness.column)
    day = plausible_day(freshness.column, INGESTED) if is_text else f"TRY_CAST({column} AS DATE)"
    query = f"SELECT max({day}) FROM {{table}}"

    def evaluate(on: CheckContext) -> Verdict:
        newest: date | None = on.scalar(query)
        due = on.warehouse.settings.as_of or source_days(on.warehouse).last
        metrics = {"newest_day": str(newest), "as_of": str(due), "max_days_behind": freshness.lag.value}
        if newest is None:
            return False, metrics
        behind = (due - newest).days
        return behind <= freshness.lag.value, metrics | {"days_behind": behind}

    reason = (
        f"The newest {freshness.column} is at most {freshness.lag.value:g} days before the source's last day of "
        f"purchase, or OLIST_AS_OF. {freshness.lag.reason}"
    )
    return Check(FRESHNESS_CHECK, reason, evaluate, blocking=False)


def volume_check(limits: Thresholds, volume: Volume) -> Check:
    def evaluate(on: CheckContext) -> Verdict:
        query = f"SELECT {identifier(volume.day)}, sum({volume.measure}) FROM {{table}} GROUP BY 1 ORDER BY 1"
        days = judged_days(on.rows(query), volume, limits.deviations)
        unusual = {str(d.day): {"seen": d.volume, "expected": round(d.expected)} for d in days if not d.is_usual}
        return not unusual, {"days_judged": len(days), "unusual_days": unusual}

    reason = (
        f"Each day's {volume.measure} is within {volume.change.value} of the value expected from the weeks before. "
        f"{volume.change.reason}"
    )
    return Check("volume_is_usual", reason, evaluate, blocking=False)


def _too_short(versions: int) -> dict[str, Any]:
    return {"history": f"too short: {versions} earlier versions"}
