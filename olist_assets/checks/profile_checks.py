"""Warnings about the newest days of a table: a metric is far from the weeks before, or a segment has fallen silent."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np

from olist_assets.checks.profiles import PAST_DAYS, SILENCE, Judged, judged, measured, value_of
from olist_assets.checks.spec import Check, CheckContext, Verdict
from olist_assets.contracts.quoting import identifier, literal
from olist_assets.contracts.table import Table
from olist_assets.contracts.thresholds import Metric, Profile, profile_name

# A week of warnings is enough to be seen; monitoring_profiles keeps all days.
DAYS_REPORTED = 7
# Statistics whose change is broken down by segment. Segments add up to rows and means; the change of a quantile is
# explained by that of the mean.
EXPLAINED = ("rows", "share", "mean", "median", "p90")


def profile_checks(table: Table, reads: tuple[str, ...]) -> Iterator[Check]:
    """The checks of the profiles of a table's contract."""
    profiles = table.thresholds.profiles
    days = f"On the newest {DAYS_REPORTED} days with enough rows"
    if profiles:
        reasons = " ".join(
            f"{metric.name}: {metric.floor.reason}" for profile in profiles for metric in profile.metrics
        )
        text = f"{days}, each metric is near the median of the {PAST_DAYS} days before. {reasons}"
        yield Check("profile_is_usual", text, _evaluate(lambda found: found.metric != SILENCE), False, reads)
    segments = [segment for profile in profiles for segment in profile.segments]
    if segments:
        columns = ", ".join(segment.column for segment in segments)
        reason = segments[0].silent_at.reason
        text = f"{days}, no value of {columns} is missing for longer than its share explains. {reason}"
        yield Check("segments_are_not_silent", text, _evaluate(lambda found: found.metric == SILENCE), False, reads)


def _evaluate(is_meant: Callable[[Judged], bool]) -> Callable[[CheckContext], Verdict]:
    def evaluate(on: CheckContext) -> Verdict:
        unusual: list[dict[str, Any]] = []
        days_judged = 0
        for profile in on.table.thresholds.profiles:
            daily = measured(on.sql, on.table.name, profile)
            if daily is None:
                continue
            for found in judged(daily, profile, on.table.thresholds.deviations):
                if is_meant(found):
                    newest = np.flatnonzero(found.is_judged)[-DAYS_REPORTED:]
                    days_judged = max(days_judged, len(newest))
                    days = [(int(at), daily.first + timedelta(int(at))) for at in newest if found.is_unusual[at]]
                    unusual += [
                        _described(on, profile, found, *day)
                        for day in days
                        if not _is_known(profile, found.column, day[1])
                    ]
        metrics = {"days_judged": days_judged, "unusual": unusual}
        return not unusual, metrics | (_shown_by(on.table.name, unusual[0]) if unusual else {})

    return evaluate


def _is_known(profile: Profile, column: str, day: date) -> bool:
    return any(
        known.first <= day <= known.last and (not known.columns or column in known.columns) for known in profile.known
    )


def _described(on: CheckContext, profile: Profile, found: Judged, at: int, day: date) -> dict[str, Any]:
    """A finding as metadata, with the segment that contributes most to the change."""
    fields: dict[str, Any] = {"column": found.column, "metric": found.metric, "day": str(day)}
    fields |= {"segment": found.segment} if found.segment else {}
    fields |= {"value": _rounded(found.value[at]), "expected": _rounded(found.expected[at])}
    metric = next((m for m in profile.metrics if (m.column, m.statistic) == (found.column, found.metric)), None)
    if metric and metric.statistic in EXPLAINED and (cause := _largest_contribution(on, profile, metric, day)):
        fields["explained_most_by"] = cause
    return fields


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _largest_contribution(on: CheckContext, profile: Profile, metric: Metric, day: date) -> dict[str, Any] | None:
    """The segment whose part in the change from the days before is the largest in the direction of the change."""
    columns = dict.fromkeys([*(segment.column for segment in profile.segments), *profile.explained_by])
    found = [_contribution(on, profile, metric, day, column) for column in columns]
    return max(found, key=lambda cause: abs(cause["part"]), default=None)


def _contribution(on: CheckContext, profile: Profile, metric: Metric, day: date, column: str) -> dict[str, Any]:
    """The value of a column that changed the rows or the mean most, its part in that change, and the whole change.

    A mean is the sum, over the segments, of their share of the rows times their mean, and so is its distance from the
    mean of the days before. Rows simply add up.
    """
    is_count, of_day = metric.statistic == "rows", f"CAST({profile.day} AS DATE)"
    value = "1" if is_count else f"CAST(({value_of(metric)}) AS DOUBLE)"
    found = on.rows(
        f"SELECT CAST({identifier(column)} AS VARCHAR), {of_day} = $day, count({value}), coalesce(sum({value}), 0) "
        f"FROM {profile.source or '{table}'} "
        f"WHERE {of_day} BETWEEN CAST($day AS DATE) - {PAST_DAYS} AND $day GROUP BY ALL ORDER BY ALL",
        {"day": day},
    )
    counts = {is_day: sum(count for _, of, count, _ in found if of == is_day) or 1 for is_day in (True, False)}
    before = 0 if is_count else sum(total for _, is_day, _, total in found if not is_day) / counts[False]
    divisors = {True: 1, False: PAST_DAYS} if is_count else counts
    parts: dict[str, float] = {}
    for segment, is_day, count, total in found:
        part = (float(total) - count * float(before)) / divisors[is_day]
        parts[str(segment)] = parts.get(str(segment), 0) + (part if is_day else -part)
    change = sum(parts.values())
    segment = max(parts, key=lambda name: parts[name] * np.sign(change))
    return {"column": column, "segment": segment, "part": round(parts[segment], 4), "change": round(change, 4)}


def _shown_by(table: str, finding: dict[str, Any]) -> dict[str, str]:
    """What shows the metric over time: the page of `olist dashboard` with its chart, and a query."""
    of_metric = {"column": finding["column"], "segment": finding.get("segment", ""), "metric": finding["metric"]}
    page = urlencode({"table": table, "profile": profile_name(**of_metric)})
    fields = {"table": table, **of_metric}
    where = " AND ".join(f"{identifier(name)} = {literal(value)}" for name, value in fields.items())
    query = f"SELECT day, value, expected, spread, is_unusual FROM monitoring_profiles WHERE {where} ORDER BY day"
    return {"chart": f"/health?{page}", "history": query}
