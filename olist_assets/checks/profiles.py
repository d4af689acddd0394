"""Metrics and segments of each day's rows, and whether they are usual for the eight weeks before. No engine.

The expected value is the median of the 56 days before, and the spread 1.4826 MAD, or the floor of the contract, or what
chance alone causes in so few rows, whichever is the largest. A segment's silence is the number of rows that its share
of the 56 days before would have had since its last one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from olist_assets.checks.robust import NORMAL
from olist_assets.checks.volume import RESIDUAL_DAYS, judged_days
from olist_assets.contracts.quoting import identifier
from olist_assets.contracts.thresholds import Metric, Profile, Segment, Threshold, Volume

Matrix = NDArray[np.float64]
# With one week missing the median still is that of an ordinary time; the first weeks of a business are none.
PAST_DAYS, MIN_PAST_DAYS = RESIDUAL_DAYS, RESIDUAL_DAYS - 7
SHARE, SILENCE = "share", "silence"
AGGREGATES = {
    "share": "avg(CAST({value} AS INT))",
    "mean": "avg({value})",
    "median": "quantile_cont({value}, 0.5)",
    "p90": "quantile_cont({value}, 0.9)",
    "distinct_share": "count(DISTINCT {value}) / count(*)",
    "top_share": "list_max(map_values(histogram({value}))) / count(*)",
}


@dataclass(frozen=True)
class Daily:
    """What a profile measures on consecutive days: rows, metrics (NaN without rows), and rows by segment."""

    first: date
    rows: Matrix
    metrics: Matrix
    """Days by metrics, without `rows`, which is a metric of its own."""
    segments: dict[str, tuple[tuple[str, ...], Matrix]]
    """Per column: its values, and days by values."""

    def spliced(self, other: "Daily", days: slice) -> "Daily":
        """These days with some of them from another measurement of the same days and segments."""

        def splice(mine: Matrix, others: Matrix) -> Matrix:
            return np.concatenate([mine[: days.start], others[days], mine[days.stop :]])

        segments = {
            column: (names, splice(counts, other.segments[column][1]))
            for column, (names, counts) in self.segments.items()
        }
        rows, metrics = splice(self.rows, other.rows), splice(self.metrics, other.metrics)
        return replace(self, rows=rows, metrics=metrics, segments=segments)


@dataclass(frozen=True)
class Judged:
    """A metric of one segment (empty: of all rows) over the days: NaN where there is no value or expectation."""

    column: str
    segment: str
    metric: str
    value: Matrix
    expected: Matrix
    spread: Matrix
    is_judged: NDArray[np.bool_]
    is_unusual: NDArray[np.bool_]


def measured(sql: duckdb.DuckDBPyConnection, table: str, profile: Profile, like: Daily | None = None) -> Daily | None:
    """The profile of a table, of the days and segments of another one if given; None if no row has a day."""
    source, day = profile.source or table, f"CAST({profile.day} AS DATE)"
    if like:
        first, length = like.first, len(like.rows)
    else:
        ((first, last),) = sql.execute(f"SELECT min({day}), max({day}) FROM {source}").fetchall()
        if first is None:
            return None
        length = (last - first).days + 1
    aggregated = _aggregated(profile)
    aggregates = ", ".join(["count(*)", *map(_aggregate, aggregated)])
    at_day = f"{day} - DATE '{first}'"
    query = f"SELECT {at_day}, {aggregates} FROM {source} WHERE {at_day} BETWEEN 0 AND {length - 1} GROUP BY 1"
    values = np.full((length, 1 + len(aggregated)), np.nan)
    for at, *row in sql.execute(query).fetchall():
        values[at] = [np.nan if value is None else float(value) for value in row]
    rows = np.nan_to_num(values[:, 0])
    segments = {}
    for segment in profile.segments:
        name = f"CAST({identifier(segment.column)} AS VARCHAR)"
        found = sql.execute(f"SELECT {name}, {at_day}, count(*) FROM {source} GROUP BY ALL").fetchall()
        segments[segment.column] = _counted(found, rows, segment, like)
    return Daily(first, rows, values[:, 1:], segments)


def _aggregated(profile: Profile) -> list[Metric]:
    return [metric for metric in profile.metrics if metric.statistic != "rows"]


def value_of(metric: Metric) -> str:
    """The SQL expression that a metric aggregates."""
    return metric.value or identifier(metric.column)


def _aggregate(metric: Metric) -> str:
    return AGGREGATES[metric.statistic].format(value=f"({value_of(metric)})")


def _counted(
    found: Iterable[tuple], rows: Matrix, segment: Segment, like: Daily | None
) -> tuple[tuple[str, ...], Matrix]:
    """The values of a segment's column that are frequent enough, sorted, and their rows per day."""
    counts: dict[str, Matrix] = {}
    for name, at, count in found:
        if name is not None and at is not None and 0 <= at < len(rows):
            counts.setdefault(name, np.zeros(len(rows)))[at] = count
    least = segment.min_share.value * rows.sum()
    frequent = sorted(name for name, per_day in counts.items() if per_day.sum() >= least)
    names = like.segments[segment.column][0] if like else tuple(frequent)
    columns = [counts.get(name, np.zeros(len(rows))) for name in names]
    return names, np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))


def judged(daily: Daily, profile: Profile, deviations: Threshold) -> Iterator[Judged]:
    """Judge each metric and segment of each day from the days before it."""
    newest = np.flatnonzero(daily.rows)[-1] - int(profile.settling_days.value)
    days = np.arange(len(daily.rows))
    enough = (days <= newest) & (daily.rows >= profile.min_rows.value)
    for metric in profile.metrics:
        if metric.statistic == "rows":
            yield _judged_rows(daily, profile, metric, deviations)
    aggregated = _aggregated(profile)
    if aggregated:
        floors = np.array([metric.floor.value for metric in aggregated])
        is_share = np.array([metric.statistic == SHARE for metric in aggregated])
        found = _compared(daily.metrics, daily.rows, floors, is_share)
        for at, metric in enumerate(aggregated):
            yield _series(metric.column, "", metric.statistic, [f[:, at] for f in found], enough, deviations)
    for segment in profile.segments:
        names, counts = daily.segments[segment.column]
        with np.errstate(invalid="ignore"):
            shares = np.where(daily.rows[:, None] > 0, counts / daily.rows[:, None], np.nan)
        found = _compared(shares, daily.rows, np.full(len(names), segment.floor.value), np.full(len(names), True))
        silence = _silence(counts, daily.rows)
        limit = np.full(len(days), segment.silent_at.value / deviations.value)
        for at, name in enumerate(names):
            yield _series(segment.column, name, SHARE, [f[:, at] for f in found], enough, deviations)
            values = [silence[:, at], np.zeros(len(days)), limit]
            yield _series(segment.column, name, SILENCE, values, enough, deviations)


def _series(
    column: str, segment: str, metric: str, found: Sequence[Matrix], enough: NDArray[np.bool_], deviations: Threshold
) -> Judged:
    value, expected, spread = found
    is_judged = enough & ~np.isnan(expected)
    # A value that is missing although rows and an expectation exist is as unusual as one that is far off.
    is_near = np.abs(value - expected) <= deviations.value * spread
    return Judged(column, segment, metric, value, expected, spread, is_judged, is_judged & ~is_near)


def _judged_rows(daily: Daily, profile: Profile, metric: Metric, deviations: Threshold) -> Judged:
    change = Threshold(metric.floor.value * deviations.value, metric.floor.reason)
    limits = Volume(profile.day, "", change, profile.min_rows, profile.settling_days)
    days = [(daily.first + timedelta(at), rows) for at, rows in enumerate(daily.rows)]
    expected, spread = np.full(len(days), np.nan), np.full(len(days), np.nan)
    is_unusual = np.zeros(len(days), bool)
    for found in judged_days(days, limits, deviations):
        at = (found.day - daily.first).days
        expected[at], is_unusual[at] = found.expected, not found.is_usual
        spread[at] = (found.expected + 1) * np.expm1(found.limit) / deviations.value
    return Judged(metric.column, "", metric.statistic, daily.rows, expected, spread, ~np.isnan(expected), is_unusual)


def _compared(values: Matrix, rows: Matrix, floors: Matrix, is_share: NDArray[np.bool_]) -> tuple[Matrix, ...]:
    """Values, expected values and spreads, each days by metrics."""
    past = _past(values)
    expected, counted = _median(past)
    spread = NORMAL * _median(np.abs(past - expected[..., None]))[0]
    usual_rows = _median(_past(rows[:, None]))[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        # A quiet day varies more than those before it.
        spread = spread * np.sqrt(np.maximum(1, usual_rows / rows[:, None]))
        likely = (expected * rows[:, None] + 1) / (rows[:, None] + 2)
        chance = np.where(is_share, np.sqrt(likely * (1 - likely) / rows[:, None]), 0)
    spread = np.maximum(np.maximum(spread, floors), np.nan_to_num(chance))
    expected = np.where(counted >= MIN_PAST_DAYS, expected, np.nan)
    return values, expected, np.where(np.isnan(expected), np.nan, spread)


def _past(values: Matrix) -> Matrix:
    """The 56 days before each day: days by metrics by past days, NaN before the first day."""
    before = np.concatenate([np.full((PAST_DAYS, values.shape[1]), np.nan), values[:-1]])
    return sliding_window_view(before, PAST_DAYS, axis=0)


def _median(values: Matrix) -> tuple[Matrix, NDArray[np.int64]]:
    """The median over the last axis and the number of values, without NaN; NaN is sorted to the end."""
    counted = (~np.isnan(values)).sum(axis=-1)
    in_order = np.sort(values, axis=-1)
    below, above = np.maximum(counted - 1, 0) // 2, np.maximum(counted // 2, 0)
    middle = [
        np.take_along_axis(in_order, np.minimum(at, values.shape[-1] - 1)[..., None], -1) for at in (below, above)
    ]
    return ((middle[0] + middle[1]) / 2)[..., 0], counted


def _silence(counts: Matrix, rows: Matrix) -> Matrix:
    """Rows expected of each segment, by its share of the 56 days before, since its last row."""
    past, total = np.nansum(_past(counts), axis=-1), np.nansum(_past(rows[:, None]), axis=-1)
    expected = past / np.maximum(total, 1) * rows[:, None]
    silence, so_far = np.zeros_like(counts), np.zeros(counts.shape[1])
    for at in range(len(counts)):
        so_far = np.where(counts[at] > 0, 0, so_far + expected[at])
        silence[at] = so_far
    return silence
