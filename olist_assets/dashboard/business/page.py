"""The Business page: what was sold, where, to whom, and how it was delivered."""

import streamlit as st

from olist_assets.dashboard import data
from olist_assets.dashboard.business import customers, filters, geography, orders

ORDER_SECTIONS = (
    ("", orders.kpis),
    ("Revenue and orders by day", orders.days),
    ("Sales by state and city", geography.sales),
    ("Categories", orders.categories),
    ("Delivery and reviews", orders.delivery),
)
CUSTOMER_SECTIONS = (("Customer segments", customers.segments), ("Churn risk", customers.churn))


def page() -> None:
    """All sections; each shows in its place which tables are missing."""
    st.title("Business")
    if data.is_empty():
        st.info(
            f"There are no tables yet in {data.warehouse().root}. Create them with: `olist materialize`",
            icon=":material/rocket_launch:",
        )
        return
    chosen = None
    with data.section():
        chosen = filters.choose()
    if chosen:
        for title, show in ORDER_SECTIONS:
            with data.section(title):
                show(chosen)
    for title, show in CUSTOMER_SECTIONS:
        with data.section(title):
            show(chosen.states if chosen else ())
