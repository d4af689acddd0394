"""Charts of the health page: checks over time, days as a calendar."""

from collections.abc import Mapping, Sequence
from datetime import date

import altair as alt
import pandas as pd

from olist_assets.dashboard.health_data import FAILING, HEALTHY, NEVER_MADE, STALE
from olist_assets.orchestration.dagster_storage import DAY_FAILED, FAILED, MATERIALIZED, MISSING, NOT_RUN, PASSED, WARNED, Evaluated

OUTCOME_COLOURS = {FAILED: "#d1495b", WARNED: "#edae49", PASSED: "#2a9d8f", NOT_RUN: "#b8c0c8"}
COLOURS = OUTCOME_COLOURS | {
    FAILING: OUTCOME_COLOURS[FAILED],
    NEVER_MADE: "#7f8c96",
    STALE: "#8e7cc3",
    HEALTHY: OUTCOME_COLOURS[PASSED],
}
"""Of outcomes and of statuses."""
DAY_COLOURS = {MISSING: "#e3e7eb", DAY_FAILED: OUTCOME_COLOURS[FAILED]}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAYS_LEGEND = "The darker, the more rows. Light grey: never made; red: its last run failed."
FEWEST_PLACES = 24
SHORT_TIME = "timeFormat(toDate(datum.value), '%d %b')"
ROW_HEIGHT, LEGEND_AND_AXIS = 22, 160
DAY_HEIGHT, MONTHS = 18, 35


def worst_first(evaluations: Sequence[Evaluated]) -> list[str]:
    """The checks by name, ordered by the outcome of their newest evaluation, the worst first."""
    order = list(OUTCOME_COLOURS)
    newest = {each.check: each for each in sorted(evaluations, key=lambda each: each.at)}
    return sorted(newest, key=lambda name: (order.index(newest[name].outcome), name))


def strip(evaluations: Sequence[Evaluated]) -> alt.Chart:
    """A row a check, a column a run, the newest beside the names."""
    began: dict[str, str] = {}
    for each in sorted(evaluations, key=lambda each: each.at):
        began.setdefault(each.run_id, f"{each.at:%Y-%m-%dT%H:%M:%S}")
    rows = pd.DataFrame(
        {
            "check": each.check,
            "run": began[each.run_id],
            "outcome": each.outcome,
            "at": each.at,
            "figures": figures_text(each.figures),
        }
        for each in evaluations
    )
    checks, runs = worst_first(evaluations), sorted(set(began.values()), reverse=True)
    # A young table's few runs are not drawn out over the page.
    places = [*runs, *(f"none yet {place}" for place in range(FEWEST_PLACES - len(runs)))]
    colours = alt.Scale(domain=list(OUTCOME_COLOURS), range=list(OUTCOME_COLOURS.values()))
    when = alt.Axis(values=runs, labelExpr=SHORT_TIME, labelAngle=0, labelOverlap="greedy", ticks=False)
    return (
        alt.Chart(rows, height=ROW_HEIGHT * len(checks) + LEGEND_AND_AXIS)
        .mark_rect(cornerRadius=3, stroke="white", strokeWidth=2)
        .encode(
            x=alt.X("run:O", title=None, scale=alt.Scale(domain=places), axis=when),
            y=alt.Y("check:N", title=None, sort=checks, axis=alt.Axis(labelLimit=190, labelOverlap=False, ticks=False)),
            color=alt.Color("outcome:N", title=None, scale=colours, legend=alt.Legend(orient="top", columns=2)),
            tooltip=["check", "outcome", "figures", alt.Tooltip("at:T", format="%Y-%m-%d %H:%M")],
        )
    )


def figures_text(figures: Mapping[str, object]) -> str:
    """Figures in one line: `rows 5, expected 3`."""
    return ", ".join(f"{name} {_short(value)}" for name, value in figures.items())


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        # Of a figure a column, those that say something.
        value = [f"{name} {_short(figure)}" for name, figure in value.items() if figure]
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value)) or "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1:
        return f"{round(value, 2):,}"
    return f"{value:.4g}"


def calendar(states: Mapping[str, str], rows: Mapping[str, int], year: int) -> alt.LayerChart | alt.FacetChart:
    """A year of days, week by weekday: made ones by their rows, the others by what is wrong with them."""
    base = (
        alt.Chart(_days(states, rows, year), height=DAY_HEIGHT * 7 + MONTHS)
        .mark_rect(cornerRadius=2, stroke="white")
        .encode(
            x=_weeks(year),
            y=alt.Y("weekday:N", title=None, sort=WEEKDAYS, axis=alt.Axis(ticks=False, domain=False)),
            tooltip=["day", "state", alt.Tooltip("rows:Q", format=",")],
        )
    )
    # One scale for all years; a root, for a sale's day has ten times the rows of another.
    most = alt.Scale(scheme="teals", type="sqrt", domain=[0, max(rows.values(), default=1)])
    wrong = alt.Scale(domain=list(DAY_COLOURS), range=list(DAY_COLOURS.values()))
    return alt.layer(
        base.transform_filter(alt.datum.state == MATERIALIZED).encode(alt.Color("rows:Q", scale=most, legend=None)),
        base.transform_filter(alt.datum.state != MATERIALIZED).encode(alt.Color("state:N", scale=wrong, legend=None)),
    ).resolve_scale(color="independent")


def _days(states: Mapping[str, str], rows: Mapping[str, int], year: int) -> pd.DataFrame:
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
    """Weeks from Monday on, the one with the first of January being 0: ISO's last week may hold days of January."""
    return (day.timetuple().tm_yday - 1 + date(day.year, 1, 1).weekday()) // 7


def _weeks(year: int) -> alt.X:
    """A place for each week, labelled where a month begins."""
    months = {_week(date(year, month, 1)): f"{date(year, month, 1):%b}" for month in range(1, 13)}
    label = f"{list(months.values())}[indexof({list(months)}, datum.value)]"
    axis = alt.Axis(values=list(months), labelExpr=label, labelAngle=0, labelAlign="left", ticks=False, domain=False)
    return alt.X("week:O", title=None, scale=alt.Scale(domain=list(range(54))), axis=axis)
