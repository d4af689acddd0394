"""The Business page's sections over customers: segments, the RFM grid, churn risk. They know no days or categories."""

import altair as alt
import streamlit as st

from olist_assets.dashboard import charts, data
from olist_assets.dashboard.filters import in_states

PROBABILITIES = ("avg_churn_probability", "avg_no_repurchase_probability")
APPLIES = "A customer's figures are of all their orders: the state applies here, the period and the categories do not."


def _params(states: tuple[str, ...]) -> dict[str, list[str]]:
    return {"states": list(states)} if states else {}


def segments(states: tuple[str, ...]) -> None:
    """Customers and revenue by RFM segment, and the grid that the segments are cut from."""
    both = data.answer(
        f"""
        SELECT customer_segment AS segment, recency_score,
            ceil((frequency_score + monetary_score) / 2)::INT AS fm_score, count(*) AS customers,
            sum(monetary_value) AS revenue, avg(monetary_value) AS avg_value, avg(recency_days) AS avg_recency_days,
            avg(avg_review_score) AS avg_review_score, grouping(recency_score) = 1 AS is_whole
        FROM gold_customer_metrics WHERE {in_states(states)}
        GROUP BY GROUPING SETS ((segment), (segment, recency_score, fm_score))
        ORDER BY revenue DESC, segment
        """,
        **_params(states),
    )
    found = both.loc[both["is_whole"]].drop(columns=["recency_score", "fm_score", "is_whole"])
    found["customer_share"] = found["customers"] / found["customers"].sum()
    # Who has no delivered order has no scores.
    grid = both.loc[~both["is_whole"] & both["recency_score"].notna()].drop(columns="is_whole")
    st.caption(APPLIES)
    left, right = st.columns(2)
    with left:
        tips = [
            alt.Tooltip("segment:N", title="Segment"),
            alt.Tooltip("customers:Q", title="Customers", format=charts.COUNT),
            alt.Tooltip("customer_share:Q", title="Share", format=charts.PERCENT),
            alt.Tooltip("revenue:Q", title="Revenue", format=charts.MONEY),
            alt.Tooltip("avg_recency_days:Q", title="Days since last order", format=charts.COUNT),
        ]
        value = alt.X("revenue:Q", title="Revenue, R$", axis=charts.amounts())
        charts.shown(charts.ranked(found, "segment", value, tips), found, "segments", "By RFM segment.")
    with right:
        base = alt.Chart().encode(
            x=alt.X("recency_score:O", title="Recency, 5 is most recent", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("fm_score:O", title="Frequency and spending", sort="descending"),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("customers:Q", title="Customers", format=charts.COUNT),
                alt.Tooltip("avg_value:Q", title="Mean value", format=charts.MONEY),
            ],
        )
        cells = base.mark_rect(cornerRadius=3, stroke="white", strokeWidth=2).encode(
            color=alt.Color(
                "customers:Q",
                title="Customers",
                scale=charts.AMOUNTS,
                legend=alt.Legend(orient="top", format="~s", gradientLength=140, tickCount=4),
            )
        )
        dark = alt.datum.customers > (grid["customers"].max() or 0) / 3
        counts = base.mark_text().encode(
            text=alt.Text("customers:Q", format=charts.COUNT),
            color=alt.condition(dark, alt.value("white"), alt.value("#1e293b")),
        )
        charts.shown(
            alt.layer(cells, counts, data=grid).properties(height=400),
            grid,
            "rfm_grid",
            "Customers by what segments are cut from.",
        )


def churn(states: tuple[str, ...]) -> None:
    """Customers and what they are worth a year, by churn risk."""
    found = data.answer(
        f"""
        SELECT churn_risk_category AS risk, count(*) AS customers, sum(clv_12_months) AS clv_12_months,
            avg(is_churned) AS churned_share, avg(churn_probability) AS avg_churn_probability,
            avg(no_repurchase_probability) AS avg_no_repurchase_probability, avg(recency_days) AS avg_recency_days
        FROM gold_customer_churn_predictions JOIN gold_customer_metrics USING (customer_unique_id)
        WHERE {in_states(states)} GROUP BY risk ORDER BY min(churn_percentile)
        """,
        **_params(states),
    )
    st.caption(APPLIES)
    st.dataframe(
        found.drop(columns="churned_share").round(
            {"clv_12_months": 0, "avg_recency_days": 0, **dict.fromkeys(PROBABILITIES, 3)}
        ),
        hide_index=True,
        width="stretch",
        column_config={
            "risk": "Churn risk",
            "customers": st.column_config.NumberColumn("Customers", format="localized"),
            "clv_12_months": st.column_config.NumberColumn("Value of a year, R$", format="localized"),
            "avg_churn_probability": st.column_config.NumberColumn("Churn probability", format="percent"),
            "avg_no_repurchase_probability": st.column_config.NumberColumn(
                "No repurchase in 90 days", format="percent"
            ),
            "avg_recency_days": st.column_config.NumberColumn("Days since last order", format="%.0f"),
        },
    )
    told = (
        "Churned means 90 days without an order, so that probability follows recency; "
        "the one of no repurchase is learnt from what customers did later."
    )
    charts.download(found, "churn_risk", told)
