"""The look that all charts share: formats, colours, and a chart together with its data as CSV."""

import altair as alt
import pandas as pd
import streamlit as st

MONEY, COUNT, PERCENT, SCORE, DAYS = "$,.0f", ",.0f", ".1%", ".2f", ".1f"
"""d3 formats. The currency symbol is part of the locale: see `LOCALE`."""
BLUE, ORANGE, GREY, TEAL, RED = "#2563eb", "#ea580c", "#94a3b8", "#2a9d8f", "#d1495b"
YELLOW, VIOLET, PALE = "#edae49", "#8e7cc3", "#b8c0c8"
DARK_TEXT = "#1e293b"
SCORES = alt.Scale(domain=[2, 3.5, 5], clamp=True, range=["#dc2626", "#eab308", "#16a34a"])
"""Review scores: red is 2 or less, so that a score has the same colour in every chart."""
AMOUNTS = alt.Scale(type="sqrt", range=["#dbeafe", "#1d4ed8"])
POINTS = alt.Scale(type="sqrt", range=["#60a5fa", "#1e3a8a"])
"""Amounts of small marks, on which a pale colour could not be seen."""
LOCALE = alt.Locale(number=alt.NumberLocale(decimal=".", thousands=",", grouping=[3], currency=["R$ ", ""]))
Drawing = alt.Chart | alt.LayerChart | alt.FacetChart


def show(chart: Drawing, frame: pd.DataFrame, name: str, note: str = "") -> None:
    """A chart as wide as the page allows, with a note and its data as <name>.csv below it."""
    draw(chart)
    download(frame, name, note)


def draw(chart: Drawing) -> None:
    """A chart as wide as the page allows, with amounts in reais."""
    st.altair_chart(chart.configure(locale=LOCALE), width="stretch")


def download(frame: pd.DataFrame, name: str, note: str = "") -> None:
    """A note, and a button that downloads a frame as <name>.csv, which is written on click."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if note:
            st.caption(note)
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
