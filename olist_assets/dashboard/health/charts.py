"""Charts of the Health page: checks over time, and days as a calendar."""

from collections.abc import Mapping, Sequence
from datetime import date

import altair as alt
import pandas as pd

from olist_assets.dashboard.charts import PALE, RED, TEAL, VIOLET, YELLOW, Drawing
from olist_assets.dashboard.health.data import Status
from olist_assets.orchestration.dagster_storage import CheckEvaluation, DayState, Outcome

OUTCOME_COLOURS = {Outcome.FAILED: RED, Outcome.WARNING: YELLOW, Outcome.PASSED: TEAL, Outcome.NOT_RUN: PALE}
STATUS_COLOURS = {
    Status.FAILING: RED,
    Status.WARNING: YELLOW,
    Status.MISSING: "#7f8c96",
    Status.STALE: VIOLET,
    Status.HEALTHY: TEAL,
}
COLOURS = {str(word): colour for word, colour in (OUTCOME_COLOURS | STATUS_COLOURS).items()}
DAY_COLOURS = {DayState.MISSING: "#e3e7eb", DayState.FAILED: RED}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAYS_LEGEND = "A darker colour means more rows. Light grey: not materialized. Red: the last run of the day failed."
MIN_COLUMNS = 24
SHORT_TIME = "timeFormat(toDate(datum.value), '%d %b')"
ROW_HEIGHT, LEGEND_AND_AXIS = 22, 160
DAY_HEIGHT, MONTHS = 18, 35


def worst_first(evaluations: Sequence[CheckEvaluation]) -> list[str]:
    """The names of the checks by the outcome of their newest evaluation, the worst first."""
    order = list(Outcome)
    newest = {each.check: each for each in sorted(evaluations, key=lambda each: each.at)}
    return sorted(newest, key=lambda name: (order.index(newest[name].outcome), name))


def strip(evaluations: Sequence[CheckEvaluation]) -> alt.Chart:
    """One row per check and one column per run, the newest run beside the names."""
    started: dict[str, str] = {}
    for each in sorted(evaluations, key=lambda each: each.at):
        started.setdefault(each.run_id, f"{each.at:%Y-%m-%dT%H:%M:%S}")
    rows = pd.DataFrame(
        {
            "check": each.check,
            "run": started[each.run_id],
            "outcome": each.outcome,
            "at": each.at,
            "metadata": metadata_text(each.metadata),
        }
        for each in evaluations
    )
    checks, runs = worst_first(evaluations), sorted(set(started.values()), reverse=True)
    # Empty columns, so that the few runs of a new table are not stretched over the whole page.
    columns = [*runs, *(f"no run {column}" for column in range(MIN_COLUMNS - len(runs)))]
    colours = alt.Scale(domain=list(OUTCOME_COLOURS), range=list(OUTCOME_COLOURS.values()))
    time = alt.Axis(values=runs, labelExpr=SHORT_TIME, labelAngle=0, labelOverlap="greedy", ticks=False)
    return (
        alt.Chart(rows, height=ROW_HEIGHT * len(checks) + LEGEND_AND_AXIS)
        .mark_rect(cornerRadius=3, stroke="white", strokeWidth=2)
        .encode(
            x=alt.X("run:O", title=None, scale=alt.Scale(domain=columns), axis=time),
            y=alt.Y("check:N", title=None, sort=checks, axis=alt.Axis(labelLimit=190, labelOverlap=False, ticks=False)),
            color=alt.Color("outcome:N", title=None, scale=colours, legend=alt.Legend(orient="top", columns=2)),
            tooltip=["check", "outcome", "metadata", alt.Tooltip("at:T", format="%Y-%m-%d %H:%M")],
        )
    )


def metadata_text(metadata: Mapping[str, object]) -> str:
    """The metadata of an evaluation in one line: `rows 5, expected 3`."""
    return ", ".join(f"{name} {_value_text(value)}" for name, value in metadata.items())


def _value_text(value: object) -> str:
    if isinstance(value, Mapping):
        # Counts by column, of which most are zero.
        value = [f"{name} {_value_text(count)}" for name, count in value.items() if count]
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value)) or "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1:
        return f"{round(value, 2):,}"
    return f"{value:.4g}"


def calendar(states: Mapping[str, DayState], rows: Mapping[str, int], year: int) -> Drawing:
    """The days of a year by week and weekday: materialized days coloured by rows, the others by their state."""
    base = (
        alt.Chart(_days(states, rows, year), height=DAY_HEIGHT * 7 + MONTHS)
        .mark_rect(cornerRadius=2, stroke="white")
        .encode(
            x=_weeks(year),
            y=alt.Y("weekday:N", title=None, sort=WEEKDAYS, axis=alt.Axis(ticks=False, domain=False)),
            tooltip=["day", "state", alt.Tooltip("rows:Q", format=",")],
        )
    )
    # All years share one scale; a root scale, because a day with a sale has ten times the rows of other days.
    by_rows = alt.Scale(scheme="teals", type="sqrt", domain=[0, max(rows.values(), default=1)])
    by_state = alt.Scale(domain=list(DAY_COLOURS), range=list(DAY_COLOURS.values()))
    is_materialized = alt.datum.state == DayState.MATERIALIZED.value
    return alt.layer(
        base.transform_filter(is_materialized).encode(alt.Color("rows:Q", scale=by_rows, legend=None)),
        base.transform_filter(~is_materialized).encode(alt.Color("state:N", scale=by_state, legend=None)),
    ).resolve_scale(color="independent")


def _days(states: Mapping[str, DayState], rows: Mapping[str, int], year: int) -> pd.DataFrame:
    days = [date.fromisoformat(day) for day in states if day.startswith(f"{year}-")]
    return pd.DataFrame(
        {
            "day": f"{day:%a %d %b %Y}",
            "week": _week(day),
            "weekday": WEEKDAYS[day.weekday()],
            "state": states[day.isoformat()],
            "rows": rows.get(day.isoformat(), 0),
        }
        for day in days
    )


def _week(day: date) -> int:
    """Weeks from Monday on; the week of 1 January is 0, while in ISO's numbering it may belong to the year before."""
    return (day.timetuple().tm_yday - 1 + date(day.year, 1, 1).weekday()) // 7


def _weeks(year: int) -> alt.X:
    """One position per week, labelled where a month begins."""
    months = {_week(date(year, month, 1)): f"{date(year, month, 1):%b}" for month in range(1, 13)}
    label = f"{list(months.values())}[indexof({list(months)}, datum.value)]"
    axis = alt.Axis(values=list(months), labelExpr=label, labelAngle=0, labelAlign="left", ticks=False, domain=False)
    return alt.X("week:O", title=None, scale=alt.Scale(domain=list(range(54))), axis=axis)
