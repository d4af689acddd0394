"""The Decisions page: what will be sold and when to order again, what to recommend, and which prices to test."""

import streamlit as st

from olist_assets.dashboard.decisions import demand, price_tests

TABS = {"Demand": demand.tab, "Price tests": price_tests.tab}
"""The Decisions page: what will be sold, when to order again, and what to show to whom."""

import streamlit as st

from olist_assets.dashboard.decisions import demand, recommendations

TABS = {"Demand": demand.tab, "Recommendations": recommendations.tab}


def page() -> None:
    """One tab per product; each shows in its place which tables are missing."""
    st.title("Decisions")
    for shown, tab in zip(st.tabs(list(TABS)), TABS.values(), strict=True):
        with shown:
            tab()
    for shown, show in zip(st.tabs(list(TABS)), TABS.values(), strict=True):
        with shown:
            show()
