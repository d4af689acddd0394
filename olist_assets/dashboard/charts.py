"""How the Business page's charts look: formats, colours, and a chart together with its data as CSV."""

import altair as alt
import pandas as pd
import streamlit as st

MONEY, COUNT, PERCENT, SCORE, DAYS = "$,.0f", ",.0f", ".1%", ".2f", ".1f"
"""d3 formats. The currency's sign is the locale's: see `_locale`."""
BLUE, ORANGE, GREY = "#2563eb", "#ea580c", "#94a3b8"
SCORES = alt.Scale(domain=[2, 3.5, 5], clamp=True, range=["#dc2626", "#eab308", "#16a34a"])
"""Review scores: red is 2 and less, so the same score has the same colour in every chart."""
AMOUNTS = alt.Scale(type="sqrt", range=["#dbeafe", "#1d4ed8"])
POINTS = alt.Scale(type="sqrt", range=["#60a5fa", "#1e3a8a"])
"""Amounts of marks too small to be seen in a pale colour."""
Drawing = alt.Chart | alt.LayerChart | alt.FacetChart
_LOCALE = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["R$ ", ""]}


def shown(chart: Drawing, frame: pd.DataFrame, name: str, told: str = "") -> None:
    """A chart as wide as the page allows; under it what must be told of it, and its data as <name>.csv."""
    drawn(chart)
    download(frame, name, told)


def drawn(chart: Drawing) -> None:
    """A chart as wide as the page allows, with amounts in reais."""
    st.altair_chart(chart.configure(locale=alt.Locale(number=alt.NumberLocale(**_LOCALE))), width="stretch")


def download(frame: pd.DataFrame, name: str, told: str = "") -> None:
    """A line of text, and a button that gives a frame as <name>.csv; it is written when asked for."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if told:
            st.caption(told)
        st.download_button(
            "CSV",
            lambda: frame.to_csv(index=False),
            f"{name}.csv",
            "text/csv",
            key=f"csv_{name}",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def brl(amount: float) -> str:
    """An amount in reais: R$ 158.42, R$ 12,345, R$ 3.03 M."""
    if abs(amount) >= 1e6:
        return f"R$ {amount / 1e6:,.2f} M"
    return f"R$ {amount:,.0f}" if abs(amount) >= 1e4 else f"R$ {amount:,.2f}"


def amounts() -> alt.Axis:
    """An axis of amounts: 0, 200k, 1M."""
    return alt.Axis(format="~s", tickCount=5, labelExpr="datum.value == 0 ? '0' : datum.label")


def day_axis(days: int) -> alt.X:
    """The days of a frame's `order_date`; as many labels as a telephone has room for."""
    kind = "%d %b" if days <= 120 else "%b %Y"
    return alt.X("order_date:T", title=None, axis=alt.Axis(format=kind, tickCount=6, labelOverlap=True))


def over_time(frame: pd.DataFrame, daily: str, means: dict[str, str], title: str, form: str) -> Drawing:
    """A figure a day as pale bars, and its moving averages, column to name, as lines."""
    tips = [
        alt.Tooltip("order_date:T", title="Day", format="%a %d %b %Y"),
        alt.Tooltip(f"{daily}:Q", title=title, format=form),
        *(alt.Tooltip(f"{column}:Q", title=name, format=form) for column, name in means.items()),
    ]
    # Steps, not bars: bars over a continuous axis need a width that fits every screen.
    bars = (
        alt.Chart(frame)
        .mark_area(color=GREY, opacity=0.35, interpolate="step-after")
        .encode(x=day_axis(len(frame)), y=alt.Y(f"{daily}:Q", title=title, axis=amounts()), tooltip=tips)
    )
    return alt.layer(bars, lines(frame, means, title, form)).properties(height=300)


def lines(frame: pd.DataFrame, columns: dict[str, str], title: str, form: str) -> alt.Chart:
    """One line a column, named in a legend above; gaps stay gaps."""
    long = frame.melt("order_date", list(columns), "column", "value")
    long["name"] = [columns[column] for column in long["column"]]
    axis = alt.Axis(format=".0%") if form == PERCENT else amounts()
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
            x=day_axis(len(frame)),
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
    """Bars in the frame's order, coloured by review score; grey where there is none."""
    names = alt.Y(f"{label}:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, minExtent=110))
    bars = alt.Chart().mark_bar(cornerRadiusEnd=3, color=GREY).encode(x=value, y=names, tooltip=tooltip)
    # Vega leaves out a mark whose colour is null: the layer below keeps it.
    coloured = bars.encode(
        color=alt.Color(
            "avg_review_score:Q",
            title="Review score",
            scale=SCORES,
            legend=alt.Legend(orient="top", gradientLength=140),
        )
    )
    return alt.layer(bars, coloured, data=frame).properties(height=alt.Step(26))
