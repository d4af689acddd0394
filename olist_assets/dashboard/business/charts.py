"""Charts of the Business page: days as bars and lines, ranked bars, the RFM grid."""

from typing import Any

import altair as alt
import pandas as pd
from altair.expr.core import Expression

from olist_assets.dashboard.charts import AMOUNTS, BLUE, COUNT, DARK_TEXT, GREY, MONEY, ORANGE, PERCENT, SCORES, Drawing


def amount_axis() -> alt.Axis:
    """An axis of amounts: 0, 200k, 1M."""
    return alt.Axis(format="~s", tickCount=5, labelExpr="datum.value == 0 ? '0' : datum.label")


def text_colour(is_dark: Expression) -> Any:
    """The colour of the text in a cell: white where the cell is dark."""
    return alt.condition(is_dark, alt.value("white"), alt.value(DARK_TEXT))


def _day_axis(days: int) -> alt.X:
    """The days of a frame's `order_date`, with as many labels as a telephone has room for."""
    form = "%d %b" if days <= 120 else "%b %Y"
    return alt.X("order_date:T", title=None, axis=alt.Axis(format=form, tickCount=6, labelOverlap=True))


def over_time(frame: pd.DataFrame, daily: str, means: dict[str, str], title: str, form: str) -> Drawing:
    """Daily values as pale bars, and their moving averages (column to name) as lines."""
    tooltip = [
        alt.Tooltip("order_date:T", title="Day", format="%a %d %b %Y"),
        alt.Tooltip(f"{daily}:Q", title=title, format=form),
        *(alt.Tooltip(f"{column}:Q", title=name, format=form) for column, name in means.items()),
    ]
    # An area in steps: on a continuous axis bars have a fixed width, which does not fit every screen.
    bars = (
        alt.Chart(frame)
        .mark_area(color=GREY, opacity=0.35, interpolate="step-after")
        .encode(x=_day_axis(len(frame)), y=alt.Y(f"{daily}:Q", title=title, axis=amount_axis()), tooltip=tooltip)
    )
    return alt.layer(bars, lines(frame, means, title, form)).properties(height=300)


def lines(frame: pd.DataFrame, columns: dict[str, str], title: str, form: str) -> alt.Chart:
    """One line per column, named in a legend above; a missing value leaves a gap."""
    long = frame.melt("order_date", list(columns), "column", "value")
    long["name"] = [columns[column] for column in long["column"]]
    axis = alt.Axis(format=".0%") if form == PERCENT else amount_axis()
    colour = alt.Color(
        "name:N",
        title=None,
        scale=alt.Scale(domain=list(columns.values()), range=[BLUE, ORANGE]),
        legend=alt.Legend(orient="top"),
    )
    return (
        alt.Chart(long)
        .mark_line(strokeWidth=2)
        .encode(
            x=_day_axis(len(frame)),
            y=alt.Y("value:Q", title=title, axis=axis),
            color=colour,
            tooltip=[
                alt.Tooltip("order_date:T", title="Day", format="%a %d %b %Y"),
                alt.Tooltip("name:N", title="Line"),
                alt.Tooltip("value:Q", title=title, format=form),
            ],
        )
    )


def ranked(frame: pd.DataFrame, label: str, value: alt.X, tooltip: list[alt.Tooltip]) -> Drawing:
    """Bars in the frame's order, coloured by review score; grey where there is no score."""
    names = alt.Y(f"{label}:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, minExtent=110))
    bars = alt.Chart().mark_bar(cornerRadiusEnd=3, color=GREY).encode(x=value, y=names, tooltip=tooltip)
    # Vega leaves out a mark whose colour is null; the grey layer below shows it.
    coloured = bars.encode(
        color=alt.Color(
            "avg_review_score:Q",
            title="Review score",
            scale=SCORES,
            legend=alt.Legend(orient="top", gradientLength=140),
        )
    )
    return alt.layer(bars, coloured, data=frame).properties(height=alt.Step(26))


def rfm_grid(grid: pd.DataFrame) -> Drawing:
    """Customers by recency score and by the mean of frequency and monetary score."""
    base = alt.Chart().encode(
        x=alt.X("recency_score:O", title="Recency, 5 is most recent", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("fm_score:O", title="Frequency and spending", sort="descending"),
        tooltip=[
            alt.Tooltip("segment:N", title="Segment"),
            alt.Tooltip("customers:Q", title="Customers", format=COUNT),
            alt.Tooltip("avg_value:Q", title="Mean value", format=MONEY),
        ],
    )
    legend = alt.Legend(orient="top", format="~s", gradientLength=140, tickCount=4)
    cells = base.mark_rect(cornerRadius=3, stroke="white", strokeWidth=2).encode(
        color=alt.Color("customers:Q", title="Customers", scale=AMOUNTS, legend=legend)
    )
    is_dark = alt.datum.customers > (grid["customers"].max() or 0) / 3
    counts = base.mark_text().encode(text=alt.Text("customers:Q", format=COUNT), color=text_colour(is_dark))
    return alt.layer(cells, counts, data=grid).properties(height=400)
