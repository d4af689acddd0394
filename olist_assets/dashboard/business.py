"""The Business page: what sold, where, to whom, and how it was delivered."""

import streamlit as st

from olist_assets.dashboard import customers, data, filters, orders, places

OF_ORDERS = (
    ("", orders.figures),
    ("Revenue and orders by day", orders.days),
    ("Where it was sold", places.sold),
    ("Categories", orders.categories),
    ("Delivery and reviews", orders.delivery),
)
OF_CUSTOMERS = (("Customer segments", customers.segments), ("Churn risk", customers.churn))


def page() -> None:
    """All sections; each says what it lacks."""
    st.title("Business")
    if data.is_empty():
        st.info(
            f"No table is made yet in {data.settings().warehouse_path}. Make them with: `olist materialize`",
            icon=":material/rocket_launch:",
        )
        return
    chosen = None
    with data.section():
        chosen = filters.chosen()
    if chosen:
        for title, draw in OF_ORDERS:
            with data.section(title):
                draw(chosen)
    for title, draw in OF_CUSTOMERS:
        with data.section(title):
            draw(chosen.states if chosen else ())
