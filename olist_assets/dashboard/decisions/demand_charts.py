"""Charts of the Demand tab: a fan after what was sold, and errors by origin."""

import altair as alt
import pandas as pd

from olist_assets.dashboard.charts import BLUE, GREY, ORANGE, RED, Drawing

COLOURS = {"level_weekday": BLUE, "seasonal_naive_7": ORANGE, "mean_28": GREY}
DAY = alt.Axis(format="%d %b", tickCount=6, labelOverlap=True)
NUMBER = ",.1f"


def fan(sold: pd.DataFrame, forecast: pd.DataFrame) -> Drawing:
    """Units per day: sold as a grey line, expected as a blue one within its intervals of 80 % and 95 %."""
    x = alt.X("day:T", title=None, axis=DAY)
    ahead = alt.Chart(forecast)
    tooltip = [
        alt.Tooltip("day:T", title="Day", format="%a %d %b %Y"),
        alt.Tooltip("mean:Q", title="Expected", format=NUMBER),
        *(alt.Tooltip(f"{end}:Q", format=NUMBER) for end in ("low80", "high80", "low95", "high95")),
    ]
    past = alt.Chart(sold).mark_line(color=GREY, strokeWidth=1.5)
    past_tooltip = [alt.Tooltip("day:T", title="Day", format="%a %d %b %Y"), alt.Tooltip("sold:Q", title="Sold")]
    return alt.layer(
        ahead.mark_area(color=BLUE, opacity=0.15).encode(x=x, y=alt.Y("low95:Q", title="units per day"), y2="high95:Q"),
        ahead.mark_area(color=BLUE, opacity=0.25).encode(x=x, y="low80:Q", y2="high80:Q"),
        past.encode(x=x, y="sold:Q", tooltip=past_tooltip),
        ahead.mark_line(color=BLUE, strokeWidth=2, point=alt.OverlayMarkDef(size=20)).encode(
            x=x, y="mean:Q", tooltip=tooltip
        ),
    ).properties(height=320)


def errors_by_origin(errors: pd.DataFrame, title: str) -> Drawing:
    """A line per model over the origins; a red triangle below where the window has a known event."""
    x = alt.X("origin:T", title="last known day", axis=alt.Axis(format="%d %b %y", tickCount=6, labelOverlap=True))
    tooltip = [
        alt.Tooltip("origin:T", title="Last known day", format="%d %b %Y"),
        "model:N",
        *(alt.Tooltip(f"{column}:Q", format=".3f") for column in ("value", "low", "high")),
        alt.Tooltip("event:N", title="In the window"),
    ]
    models = sorted(set(errors["model"]), key=list(COLOURS).index)
    base = alt.Chart(errors).encode(
        x=x,
        y=alt.Y("value:Q", title=title, axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=True)),
        color=alt.Color(
            "model:N",
            title=None,
            scale=alt.Scale(domain=models, range=[COLOURS[model] for model in models]),
            legend=alt.Legend(orient="top", columns=2),
        ),
        tooltip=tooltip,
    )
    marked = errors.query("event != ''").drop_duplicates("origin")
    event = alt.Chart(marked).mark_point(shape="triangle-up", filled=True, size=90, color=RED, opacity=1)
    event_tooltip = [tooltip[0], tooltip[-1]]
    return alt.layer(
        base.mark_line(point=alt.OverlayMarkDef(size=50)),
        base.mark_rule(opacity=0.35).encode(y="low:Q", y2="high:Q"),
        event.encode(x=x, y=alt.datum(0), tooltip=event_tooltip),
    ).properties(height=320)
