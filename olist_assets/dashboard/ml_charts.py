"""Charts of the models page: figures over versions, calibration, drift."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from olist_assets.checks.kinds import MOST_SHIFT
from olist_assets.dashboard.ml_data import ModelVersion

ACCENT, CHAMPION_COLOUR, ALARM = "#2a6f97", "#2a9d8f", "#d1495b"
NO_SHIFT = 0.1
HEIGHT = 280


def figure_over_versions(versions: Sequence[ModelVersion], figure: str) -> alt.LayerChart | alt.FacetChart:
    """What each version reached on held-out data, beside what the champion of then reached on the same."""
    rows = pd.DataFrame(
        {"version": version.version, "at": version.at, "of": of, figure: value}
        for version in versions
        for of, value in (("the version", version.tested.get(figure)), ("the champion of then", version.beaten(figure)))
        if value is not None
    )
    base = alt.Chart(rows, height=HEIGHT).encode(
        x=alt.X("version:O", axis=alt.Axis(labelAngle=0)),
        y=alt.Y(f"{figure}:Q", scale=alt.Scale(zero=False)),
        color=alt.Color(
            "of:N",
            title=None,
            legend=alt.Legend(orient="top"),
            scale=alt.Scale(domain=["the version", "the champion of then"], range=[ACCENT, "#b8c0c8"]),
        ),
        tooltip=[
            "version",
            "of",
            alt.Tooltip(f"{figure}:Q", format=".4f"),
            alt.Tooltip("at:T", format="%Y-%m-%d %H:%M"),
        ],
    )
    champion = [{"version": version.version} for version in versions if version.is_champion]
    mark = alt.Chart(alt.Data(values=champion)).mark_rule(strokeWidth=26, opacity=0.12, color=CHAMPION_COLOUR)
    return alt.layer(mark.encode(x="version:O"), base.mark_line(point=alt.OverlayMarkDef(size=70)))


def calibration_chart(parts: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Predicted against observed: on the line, what was said is what came."""
    ends = alt.Scale(domain=[0, 1])
    line = alt.Chart(pd.DataFrame({"predicted": [0, 1], "observed": [0, 1]}))
    said = alt.Chart(parts, height=HEIGHT).encode(
        x=alt.X("predicted:Q", title="mean score", scale=ends, axis=alt.Axis(format="%")),
        y=alt.Y("observed:Q", title="share with the label", scale=ends, axis=alt.Axis(format="%")),
        tooltip=[
            "part",
            alt.Tooltip("predicted:Q", format=".1%"),
            alt.Tooltip("observed:Q", format=".1%"),
            alt.Tooltip("customers:Q", format=","),
        ],
    )
    perfect = line.mark_line(strokeDash=[4, 4], color="#9aa5b1").encode(x="predicted:Q", y="observed:Q")
    return alt.layer(perfect, said.mark_line(color=ACCENT, point=alt.OverlayMarkDef(size=70, color=ACCENT)))


def drift_chart(psi: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """The stability index of each score, evaluation by evaluation, with the bounds of no and of too much shift."""
    bounds = pd.DataFrame(
        {"psi": [NO_SHIFT, MOST_SHIFT], "means": ["hardly any shift below", "too much above: a warning"]}
    )
    rules = alt.Chart(bounds).encode(y="psi:Q")
    lines = alt.Chart(psi, height=HEIGHT).encode(
        x=alt.X("at:T", title=None, axis=alt.Axis(format="%d %b %H:%M", tickCount=5, labelOverlap="greedy")),
        y=alt.Y("psi:Q", title="PSI"),
        tooltip=[alt.Tooltip("psi:Q", format=".4f"), "compared_with_version", "at"],
    )
    return alt.layer(
        rules.mark_rule(strokeDash=[4, 4], color=ALARM, opacity=0.6),
        rules.mark_text(align="left", dx=6, dy=-7, color=ALARM, fontSize=11).encode(x=alt.value(0), text="means"),
        lines.mark_line(color=ACCENT, point=alt.OverlayMarkDef(size=70, color=ACCENT)),
    )
