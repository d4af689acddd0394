"""The Recommendations tab: lists with their reasons, and how often they are right beside baselines."""

import pandas as pd
import streamlit as st

from olist_assets.dashboard.charts import PERCENT, SCORE, show
from olist_assets.dashboard.data import section
from olist_assets.dashboard.decisions import recommendations_charts as charts
from olist_assets.dashboard.decisions import recommendations_data as data
from olist_assets.dashboard.decisions.cards import interval_card
from olist_assets.decisions.recommendations import evaluation as e

REASONS = {
    "bought_together": "bought together",
    "same_seller_category": "same seller and category",
    "seller": "same seller",
    "category": "popular in the category",
    "bought_before": "bought before",
    "popular": "popular",
}
LISTS = {
    e.BOUGHT_TOGETHER: "lists of this page",
    e.CATEGORY_POPULARITY: "popular in the category",
    e.OVERALL_POPULARITY: "popular overall",
}
CATEGORIES = {e.NEXT_CATEGORY: "bought before first", e.POPULAR_CATEGORIES: "popular categories"}
COLUMNS = {
    "price_ratio": st.column_config.NumberColumn("price / its price", format="%.2f"),
    "pairs_seen": st.column_config.NumberColumn("orders with both", width="small"),
    "rank": st.column_config.NumberColumn("#", width="small"),
    "last_order_date": st.column_config.DateColumn("last order"),
    "recommended_product_id": "recommended product",
}


def tab() -> None:
    """What to show beside a product, in a state and to a customer; then the evaluation."""
    with section():
        _summary()
    with section("Beside a product"):
        _product()
    left, right = st.columns(2)
    with left, section("In a state"):
        _state()
    with right, section("To a known customer"):
        _customer()
    with section("Evaluation"):
        _evaluation()


def _summary() -> None:
    """The last months in cards, each with its interval and its baseline."""
    found = data.overall().set_index(["model", "metric"])
    if found.empty:
        st.info(
            "Nothing is measured yet: that takes a whole month with earlier sales, and orders of several products. "
            "Until then, the lists are the popular products.",
            icon=":material/hourglass_empty:",
        )
        return
    with st.container(horizontal=True):
        for label, model, metric, baseline, form in (
            ("Other product in the list", e.BOUGHT_TOGETHER, e.HIT, e.CATEGORY_POPULARITY, "{:.1%}"),
            ("Mean of 1 / place, next category", e.NEXT_CATEGORY, e.CATEGORY_MRR, e.POPULAR_CATEGORIES, "{:.2f}"),
            ("Unknown to every list", e.BOUGHT_TOGETHER, e.COLD, None, "{:.1%}"),
            ("Orders of known customers", e.NEXT_CATEGORY, e.KNOWN, None, "{:.1%}"),
        ):
            if (model, metric) in found.index:
                row = found.loc[[(model, metric)]].iloc[0]
                popular = found.loc[[(baseline, metric)]].iloc[0]["value"] if baseline else None
                interval_card(
                    label,
                    row,
                    form,
                    f"Measured: {row['queries']:,.0f}",
                    baseline=f", popular: {form.format(popular)}" if baseline else "",
                )
    st.caption(
        "Orders of the last two whole months, each predicted from the sales before it, with 95 % intervals; "
        "“popular” is the baseline of popular products or categories. “Unknown”: products bought together with another "
        "one that nobody had bought in the 90 days before."
    )


def _product() -> None:
    offered = data.products()
    product = st.selectbox(
        "Product: one of those most often bought with another, or an id or its beginning",
        offered,
        accept_new_options=True,
        key="recommendations_product",
    )
    if not product:
        return
    rows = data.product_list(product.strip())
    if rows.empty:
        st.info(f"No product whose id begins with {product!r} has a list.", icon=":material/search_off:")
        return
    _list(rows.drop(columns="product_id"))
    found = data.reasons()
    shares = ", ".join(
        f"{REASONS[reason]} {share:.0%}" for reason, share in zip(found["reason"], found["share"], strict=True)
    )
    st.caption(f"Product {rows['product_id'].iloc[0]}. Places of all lists by reason: {shares}.")


def _state() -> None:
    known = data.states()
    state = st.selectbox("State", known, index=known.index("SP") if "SP" in known else 0, key="recommendations_state")
    if state:
        _list(data.state_list(state))
        st.caption("Orders within 90 days before the end of the data.")


def _customer() -> None:
    customer = st.text_input("customer_unique_id, as this role sees it", key="recommendations_customer")
    if customer:
        rows = data.customer_list(customer.strip())
        if rows.empty:
            st.info("No customer with an order has this id.", icon=":material/search_off:")
        else:
            _list(rows)
    st.caption(
        "Few customers come back: the card “Orders of known customers” above is the share of orders for which this "
        "list exists at all. To everybody else, show what is popular in the state."
    )


def _list(rows: pd.DataFrame) -> None:
    if "reason" in rows:
        rows = rows.assign(reason=rows["reason"].map(REASONS.get))
    st.dataframe(rows, hide_index=True, column_config=COLUMNS, placeholder="")


def _evaluation() -> None:
    left, right = st.columns(2)
    for place, metric, names, title, form in (
        (left, e.HIT, LISTS, "Other product in the list", PERCENT),
        (right, e.CATEGORY_MRR, CATEGORIES, "Mean of 1 / place", SCORE),
    ):
        rows = data.months(metric)
        with place:
            if not rows.empty:
                show(charts.by_month(rows, names, title, form), rows, f"recommendations_{metric}")
    st.caption("All metrics of the last two whole months. `a_minus_b` is the gain of a over b on the same orders.")
    st.dataframe(
        data.overall(),
        hide_index=True,
        column_config={
            "model": st.column_config.TextColumn(width="large"),
            **{end: st.column_config.NumberColumn(format="%.3f") for end in ("value", "low", "high")},
        },
    )
