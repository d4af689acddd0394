"""The tab of price tests: what is known of prices, what speaks against it, and which tests to run first."""

import pandas as pd
import streamlit as st

from olist_assets.dashboard.charts import download, show
from olist_assets.dashboard.data import section
from olist_assets.dashboard.decisions.cards import interval_card
from olist_assets.dashboard.decisions.price_tests_charts import forest
from olist_assets.dashboard.decisions.price_tests_data import categories, estimates, refused, scenarios
from olist_assets.decisions.price_tests.analysis import AHEAD, ALL, CATEGORY, CHANGE, PLACEBO, POOLED

WITHHELD = (
    "No test is allowed. Prices are tested only where they improve the prediction of later months: see the evaluation "
    "below, and the numbers of refused steps."
)
NOTE = (
    "A list of tests, not of prices. The change is that of the category's elasticity. One offer alone sells too little "
    "to show it: “offers” is how many like it a test of eight weeks would need together."
)


def tab() -> None:
    """Elasticities, placebos, evaluation and the ranked tests."""
    with section():
        _cards()
    with section("Tests by expected gain"):
        _tests()
    left, right = st.columns(2)
    with left, section("Elasticities"):
        _forest(
            (POOLED, CATEGORY),
            "elasticity",
            ".1f",
            "price_elasticities",
            "Categories with enough offers for an estimate of their own.",
        )
    with right, section("Placebos: should be zero"):
        note = "An effect of the price four weeks ago would mean that cuts pull demand forward."
        _forest((PLACEBO,), "effect", ".1f", "price_placebos", note)
    with right, section("Evaluation: later months"):
        note = "Change of the Poisson deviance by knowing the price: below zero it helps."
        _forest((CHANGE,), "change of the deviance", ".1%", "price_evaluation", note)


def _cards() -> None:
    rows = estimates(POOLED, PLACEBO, CHANGE).rename(columns={"estimate": "value"})
    found = {(row["scope"], row["name"]): row for row in rows.to_dict("records")}
    with st.container(horizontal=True):
        for title, key, form, meaning in (
            ("Elasticity of all offers", (POOLED, ALL), "{:.2f}", "Percent more units per percent of a higher price."),
            ("Price four weeks ahead", (PLACEBO, AHEAD), "{:.2f}", "A placebo: no buyer knows it."),
            ("Deviance with a price", (CHANGE, ALL), "{:+.1%}", "Against a model without one; negative is better."),
        ):
            interval_card(title, found.get(key), form, meaning)


def _tests() -> None:
    known = categories()
    if not known:
        st.warning(WITHHELD, icon=":material/block:")
    else:
        chosen = st.multiselect("Categories", known, key="price_categories", placeholder="All categories")
        found = scenarios(chosen)
        _table(found)
        download(found, "price_tests", NOTE)
    counts = refused()
    if not counts.empty:
        texts = (f"{n:,} {reason.replace('_', ' ')}" for reason, n in counts.itertuples(index=False))
        st.caption(f"Refused steps: {', '.join(texts)}.")


def _table(found: pd.DataFrame) -> None:
    percent = {name: found[name] * 100 for name in ("revenue_change", "low", "high", "p_gain")}
    number = st.column_config.NumberColumn
    st.dataframe(
        found.assign(**percent),
        hide_index=True,
        height=350,
        column_order=[
            "rank", "category", "step", "price", "new_price", "revenue_change", "low", "high", "p_gain",
            "expected_gain", "weeks_to_test", "offers_to_test", "product_id", "seller_id",
        ],
        column_config={
            "step": number(format="%+d %%"),
            "price": number(format="R$ %.2f"),
            "new_price": number("new price", format="R$ %.2f"),
            "revenue_change": number("revenue", format="%+.1f %%", help="Expected change of revenue."),
            "low": number(format="%+.1f %%", help="Lower end of the 95 % interval."),
            "high": number(format="%+.1f %%", help="Upper end of the 95 % interval."),
            "p_gain": st.column_config.ProgressColumn(
                "P(gain)", format="%.0f %%", min_value=0, max_value=100, help="Probability of a gain."
            ),
            "expected_gain": number("gain per week", format="R$ %+.2f"),
            "weeks_to_test": number("weeks alone", help="Weeks that a test of this offer alone would take."),
            "offers_to_test": number("offers", help="Offers like it that a test of eight weeks would need."),
            "product_id": "product",
            "seller_id": "seller",
        },
    )  # fmt: skip


def _forest(scopes: tuple[str, ...], title: str, form: str, name: str, note: str) -> None:
    rows = estimates(*scopes)
    if rows.empty:
        st.info("The history is too short for an estimate.", icon=":material/info:")
        return
    show(forest(rows, title, form), rows, name, note)
