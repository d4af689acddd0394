"""Charts of price tests: estimates with their intervals, one below the other."""

import altair as alt
import pandas as pd

from olist_assets.dashboard.charts import BLUE, GREY, ORANGE, Drawing

ROW_HEIGHT = 22
OWN, SHRUNK = "own estimate", "shrunk"


def forest(rows: pd.DataFrame, title: str, form: str) -> Drawing:
    """Estimates with 95 % intervals in the order of the rows, against zero; a tick is the shrunk estimate."""
    names = alt.Y(
        "title:N",
        sort=rows["title"].tolist(),
        title=None,
        axis=alt.Axis(labelLimit=190, labelBaseline="middle", labelFlush=False),
    )
    tooltip = [
        alt.Tooltip("title:N", title="of"),
        alt.Tooltip("estimate:Q", title=title, format=form),
        alt.Tooltip("low:Q", format=form),
        alt.Tooltip("high:Q", format=form),
        alt.Tooltip("offers:Q", format=","),
        alt.Tooltip("units:Q", format=","),
    ]
    legend = alt.Legend(orient="top", columns=1) if any(rows["shrunk"].notna()) else None
    colour = alt.Scale(domain=[OWN, SHRUNK], range=[BLUE, ORANGE])
    base = alt.Chart(rows, height=alt.Step(ROW_HEIGHT)).encode(y=names, tooltip=tooltip)
    intervals = base.mark_rule(strokeWidth=2, color=BLUE).encode(
        x=alt.X("low:Q", title=title, axis=alt.Axis(format=form, tickCount=6)), x2="high:Q"
    )
    own = base.transform_calculate(kind=f"'{OWN}'").mark_point(filled=True, size=60, opacity=1)
    drawn = base.transform_filter("isValid(datum.shrunk)").transform_calculate(kind=f"'{SHRUNK}'")
    zero = alt.Chart(pd.DataFrame({"at": [0]})).mark_rule(strokeDash=[4, 4], color=GREY).encode(x="at:Q")
    points = [
        own.encode(x="estimate:Q", color=alt.Color("kind:N", title=None, scale=colour, legend=legend)),
        drawn.mark_tick(thickness=3, size=14, opacity=1).encode(x="shrunk:Q", color=alt.Color("kind:N", scale=colour)),
    ]
    return alt.layer(zero, intervals, *points)
