"""The Decisions page: what will be sold and when to order again, what to recommend, and which prices to test."""

import streamlit as st

from olist_assets.dashboard.decisions import demand, price_tests, recommendations

TABS = {"Demand": demand.tab, "Recommendations": recommendations.tab, "Price tests": price_tests.tab}


def page() -> None:
    """One tab per product; each shows in its place which tables are missing."""
    st.title("Decisions")
    for shown, show in zip(st.tabs(list(TABS)), TABS.values(), strict=True):
        with shown:
            show()
