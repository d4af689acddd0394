"""Charts of the Recommendations tab."""

import altair as alt
import pandas as pd

from olist_assets.dashboard.charts import BLUE, GREY, ORANGE, PERCENT, Drawing

COLOURS = (BLUE, ORANGE, GREY)


def by_month(rows: pd.DataFrame, names: dict[str, str], title: str, form: str) -> Drawing:
    """Points with 95 % intervals in each month, one colour per model (its name in the table to the shown one)."""
    named = rows.assign(name=rows["model"].map(names.get))
    base = alt.Chart(named).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("name:N", sort=list(names.values())),
        color=alt.Color(
            "name:N",
            title=None,
            legend=alt.Legend(orient="top", labelLimit=240, columns=2),
            scale=alt.Scale(domain=list(names.values()), range=COLOURS[: len(names)]),
        ),
        tooltip=[
            alt.Tooltip("month:O", title="Month"),
            alt.Tooltip("name:N", title="Rule"),
            *(alt.Tooltip(f"{end}:Q", title=end.title(), format=form) for end in ("value", "low", "high")),
            alt.Tooltip("queries:Q", title="Measured", format=","),
        ],
    )
    axis = alt.Axis(format=".0%" if form == PERCENT else ".1f", tickCount=5)
    intervals = base.mark_rule(strokeWidth=2, opacity=0.6).encode(y=alt.Y("low:Q", title=title, axis=axis), y2="high:Q")
    return alt.layer(intervals, base.mark_circle(size=70, opacity=1).encode(y="value:Q")).properties(height=280)
