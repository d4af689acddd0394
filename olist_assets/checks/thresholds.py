"""The checks of what is usual for a table, by the limits of its contract. All warn: none says that a row is wrong."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from math import log
from typing import Any

from olist_assets.checks.spec import Check, Evaluation
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.past_versions import null_rates
from olist_assets.checks.robust import LEAST_PAST, is_usual
from olist_assets.checks.volume import judged
from olist_assets.lakehouse.schemas import shape
from olist_assets.source.days import order_days
from olist_assets.contracts.thresholds import Duplicates, Freshness, Usual, Volume

FRESHNESS_CHECK = "data_are_fresh"
Verdict = tuple[bool, dict[str, Any]]


def usual_checks(table: Table) -> Iterator[Check]:
    """One check a kind."""
    usual = table.usual
    yield row_count_check(usual)
    if any(column.nullable for column in table.columns):
        yield null_rate_check(usual)
    yield schema_check()
    if usual.duplicates:
        yield duplicate_check(usual.duplicates)
    if usual.freshness:
        yield freshness_check(usual.freshness)
    if usual.volume:
        yield volume_check(usual, usual.volume)


def row_count_check(usual: Usual) -> Check:
    def evaluate(on: Evaluation) -> Verdict:
        counts = [past.rows for past in on.history] + [on.statistics["rows"]]
        # Of a table that grows, the growth is what repeats. One more, so that an empty version has a logarithm.
        changes = [log((new + 1) / (old + 1)) for old, new in pairwise(counts)]
        figures = {"rows": counts[-1], "rows_before": counts[:-1]}
        if len(changes) <= LEAST_PAST:
            return True, figures | _too_short(len(counts) - 1)
        return is_usual(changes[-1], changes[:-1], usual.row_change.value, usual.deviations.value), figures

    reason = f"From version to version within {usual.row_change.value}. {usual.row_change.reason}"
    return Check("row_count_is_usual", reason, evaluate, blocking=False)


def null_rate_check(usual: Usual) -> Check:
    def evaluate(on: Evaluation) -> Verdict:
        if len(on.history) < LEAST_PAST:
            return True, _too_short(len(on.history))
        unusual = {}
        for name, rate in null_rates(on.statistics["rows"], on.statistics["nulls"]).items():
            past = [version.nulls[name] for version in on.history if name in version.nulls]
            if len(past) >= LEAST_PAST and not is_usual(rate, past, usual.null_rate.value, usual.deviations.value):
                unusual[name] = {"rate": rate, "rates_before": past}
        return not unusual, {"unusual": unusual}

    reason = f"Nulls by column within {usual.null_rate.value}. {usual.null_rate.reason}"
    return Check("null_rates_are_usual", reason, evaluate, blocking=False)


def schema_check() -> Check:
    def evaluate(on: Evaluation) -> Verdict:
        if not on.history:
            return True, _too_short(0)
        old, new = on.history[-1].shape, shape(on.delta)
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        told = [f"{name}: {new.get(name, 'gone')}, before {old.get(name, 'not there')}" for name in changed]
        return not told, {"differences": told, "version_before": on.history[-1].version}

    description = "Columns and types are those of the version before, also where the contract changed with them."
    return Check("schema_matches_version_before", description, evaluate, blocking=False)


def duplicate_check(duplicates: Duplicates) -> Check:
    columns = ", ".join(f'"{name}"' for name in duplicates.key)

    def evaluate(on: Evaluation) -> Verdict:
        rows = on.statistics["rows"]
        distinct = on.scalar(f'SELECT count(*) FROM (SELECT DISTINCT {columns} FROM "{on.table.name}")')
        rate = (rows - distinct) / rows if rows else 0.0
        return rate <= duplicates.rate.value, {"duplicates": rows - distinct, "rate": rate}

    reason = f"Rows that repeat {columns} are at most {duplicates.rate.value} of all. {duplicates.rate.reason}"
    return Check("duplicates_are_usual", reason, evaluate, blocking=False)


def freshness_check(freshness: Freshness) -> Check:
    query = f'SELECT max(TRY_CAST("{freshness.column}" AS DATE))'

    def evaluate(on: Evaluation) -> Verdict:
        newest: date | None = on.scalar(f'{query} FROM "{on.table.name}"')
        due = on.settings.as_of or order_days(on.settings)[1]
        figures = {"newest_day": str(newest), "as_of": str(due), "most_days_behind": freshness.lag.value}
        if newest is None:
            return False, figures
        behind = (due - newest).days
        return behind <= freshness.lag.value, figures | {"days_behind": behind}

    reason = (
        f"The newest {freshness.column} is at most {freshness.lag.value:g} days before the source's last day of "
        f"purchase, or OLIST_AS_OF. {freshness.lag.reason}"
    )
    return Check(FRESHNESS_CHECK, reason, evaluate, blocking=False)


def volume_check(usual: Usual, volume: Volume) -> Check:
    def evaluate(on: Evaluation) -> Verdict:
        query = f'SELECT "{volume.day}", sum({volume.measure}) FROM "{on.table.name}" GROUP BY 1 ORDER BY 1'
        days = judged(on.sql.execute(query).fetchall(), volume, usual.deviations)
        unusual = {str(d.day): {"seen": d.volume, "expected": round(d.expected)} for d in days if not d.is_usual}
        return not unusual, {"days_judged": len(days), "unusual_days": unusual}

    reason = (
        f"Each day's {volume.measure} beside the weeks before: within {volume.change.value}. {volume.change.reason}"
    )
    return Check("volume_is_usual", reason, evaluate, blocking=False)


def _too_short(versions: int) -> dict[str, Any]:
    return {"history": f"too short: {versions} earlier versions"}
