"""The Decisions page: what will be sold and when to order again."""

import streamlit as st

from olist_assets.dashboard.decisions import demand


def page() -> None:
    """One tab per product; each shows in its place which tables are missing."""
    st.title("Decisions")
    (demand_tab,) = st.tabs(["Demand"])
    with demand_tab:
        demand.tab()
"""The Decisions page: what gold says about the next decisions, each product in a tab of its own."""

import streamlit as st

from olist_assets.dashboard.decisions import price_tests


def page() -> None:
    """The products, each with its evaluation."""
    st.title("Decisions")
    (prices,) = st.tabs(["Price tests"])
    with prices:
        price_tests.tab()
