"""Charts of the Models page: a metric over versions, calibration, score drift."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from olist_assets.checks.score_drift import MAX_PSI, NO_SHIFT_PSI
from olist_assets.dashboard.charts import PALE, RED, TEAL, Drawing
from olist_assets.dashboard.models.data import ModelVersion
from olist_assets.dashboard.models.metrics import metric_name

ACCENT, REFERENCE = "#2a6f97", "#9aa5b1"
HEIGHT = 280
VERSION, CHAMPION = "this version", "champion at the time"


def metric_over_versions(versions: Sequence[ModelVersion], key: str) -> Drawing:
    """A metric of each version on held-out data, and that of the champion at the time on the same data."""
    rows = pd.DataFrame(
        {"version": version.version, "at": version.at, "model": model, "value": value}
        for version in versions
        for model, value in ((VERSION, version.held_out.get(key)), (CHAMPION, version.champion_metric(key)))
        if value is not None
    )
    name = metric_name(key)
    base = alt.Chart(rows, height=HEIGHT).encode(
        x=alt.X("version:O", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=name, scale=alt.Scale(zero=False)),
        color=alt.Color(
            "model:N",
            title=None,
            legend=alt.Legend(orient="top"),
            scale=alt.Scale(domain=[VERSION, CHAMPION], range=[ACCENT, PALE]),
        ),
        tooltip=[
            "version",
            "model",
            alt.Tooltip("value:Q", title=name, format=".4f"),
            alt.Tooltip("at:T", title="trained", format="%Y-%m-%d %H:%M"),
        ],
    )
    champion = [{"version": version.version} for version in versions if version.is_champion]
    mark = alt.Chart(alt.Data(values=champion)).mark_rule(strokeWidth=26, opacity=0.12, color=TEAL)
    return alt.layer(mark.encode(x="version:O"), base.mark_line(point=alt.OverlayMarkDef(size=70)))


def calibration_chart(bins: pd.DataFrame) -> Drawing:
    """Observed rate over mean score; on the diagonal both are equal."""
    ends = alt.Scale(domain=[0, 1])
    diagonal = alt.Chart(pd.DataFrame({"predicted": [0, 1], "observed": [0, 1]}))
    curve = alt.Chart(bins, height=HEIGHT).encode(
        x=alt.X("predicted:Q", title="mean score", scale=ends, axis=alt.Axis(format="%")),
        y=alt.Y("observed:Q", title="share with the label", scale=ends, axis=alt.Axis(format="%")),
        tooltip=[
            "bin",
            alt.Tooltip("predicted:Q", format=".1%"),
            alt.Tooltip("observed:Q", format=".1%"),
            alt.Tooltip("customers:Q", format=","),
        ],
    )
    perfect = diagonal.mark_line(strokeDash=[4, 4], color=REFERENCE).encode(x="predicted:Q", y="observed:Q")
    return alt.layer(perfect, curve.mark_line(color=ACCENT, point=alt.OverlayMarkDef(size=70, color=ACCENT)))


def drift_chart(psi: pd.DataFrame) -> Drawing:
    """The population stability index of each evaluation, with the bounds of no and of a significant shift."""
    bounds = pd.DataFrame(
        {"psi": [NO_SHIFT_PSI, MAX_PSI], "meaning": ["below: no significant shift", "above: a shift, the check warns"]}
    )
    rules = alt.Chart(bounds).encode(y="psi:Q")
    lines = alt.Chart(psi, height=HEIGHT).encode(
        x=alt.X("at:T", title=None, axis=alt.Axis(format="%d %b %H:%M", tickCount=5, labelOverlap="greedy")),
        y=alt.Y("psi:Q", title="PSI"),
        tooltip=[alt.Tooltip("psi:Q", format=".4f"), "compared_with_version", "at"],
    )
    return alt.layer(
        rules.mark_rule(strokeDash=[4, 4], color=RED, opacity=0.6),
        rules.mark_text(align="left", dx=6, dy=-7, color=RED, fontSize=11).encode(x=alt.value(0), text="meaning"),
        lines.mark_line(color=ACCENT, point=alt.OverlayMarkDef(size=70, color=ACCENT)),
    )
