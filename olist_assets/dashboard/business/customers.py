"""The sections over customers: segments and churn risk. The filters of days and categories do not apply."""

import altair as alt
import pandas as pd
import streamlit as st

from olist_assets.dashboard.business import data
from olist_assets.dashboard.business.charts import amount_axis, ranked, rfm_grid
from olist_assets.dashboard.charts import COUNT, MONEY, PERCENT, download, show

PROBABILITIES = ("avg_churn_probability", "avg_no_repurchase_probability")
APPLIES = "Over all orders of each customer: the filter of states applies, those of days and categories do not."


def segments(states: tuple[str, ...]) -> None:
    """Customers and revenue by RFM segment, and the grid that defines the segments."""
    whole, grid = data.segments(states)
    st.caption(APPLIES)
    left, right = st.columns(2)
    with left:
        _segment_bars(whole)
    with right:
        show(rfm_grid(grid), grid, "rfm_grid", "Customers by the scores that define the segments.")


def _segment_bars(found: pd.DataFrame) -> None:
    tooltip = [
        alt.Tooltip("segment:N", title="Segment"),
        alt.Tooltip("customers:Q", title="Customers", format=COUNT),
        alt.Tooltip("customer_share:Q", title="Share", format=PERCENT),
        alt.Tooltip("revenue:Q", title="Revenue", format=MONEY),
        alt.Tooltip("avg_recency_days:Q", title="Days since last order", format=COUNT),
    ]
    value = alt.X("revenue:Q", title="Revenue, R$", axis=amount_axis())
    show(ranked(found, "segment", value, tooltip), found, "segments", "Revenue by RFM segment.")


def churn(states: tuple[str, ...]) -> None:
    """Customers and their lifetime value by churn risk."""
    found = data.churn(states)
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
            "clv_12_months": st.column_config.NumberColumn("12-month lifetime value, R$", format="localized"),
            "avg_churn_probability": st.column_config.NumberColumn("Churn probability", format="percent"),
            "avg_no_repurchase_probability": st.column_config.NumberColumn(
                "Probability of no repurchase in 90 days", format="percent"
            ),
            "avg_recency_days": st.column_config.NumberColumn("Days since last order", format="%.0f"),
        },
    )
    note = (
        "A customer has churned after 90 days without an order, so the churn probability mostly follows recency. "
        "The probability of no repurchase is learned from what customers did in the 90 days that followed."
    )
    download(found, "churn_risk", note)
