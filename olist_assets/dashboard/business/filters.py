"""The filters of the Business page: what the user chose, and the SQL conditions that apply it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import streamlit as st

from olist_assets.dashboard import data
from olist_assets.dashboard.business import brazil

PERIODS = {"30": 30, "90": 90, "180": 180, "365": 365}
DEFAULT, ALL, DATES = "180", "All", "Dates"


@dataclass(frozen=True)
class Filters:
    """Days from `since` to `until`, both included; no state or category means all. `first` is the data's first day."""

    since: date
    until: date
    states: tuple[str, ...]
    categories: tuple[str, ...]
    first: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def previous_since(self) -> date:
        """The first day of the previous period, which has the same number of days."""
        return self.since - timedelta(days=self.days)

    @property
    def has_previous(self) -> bool:
        """Whether the data cover the whole previous period."""
        return self.previous_since >= self.first

    @property
    def params(self) -> dict[str, Any]:
        """The query parameters that `orders` needs."""
        return state_params(self.states) | ({"categories": list(self.categories)} if self.categories else {})

    @property
    def orders(self) -> str:
        """A condition on silver_orders_master: orders from the states, with an item of one of the categories."""
        terms = [in_states(self.states)]
        if self.categories:
            # silver_order_items is named only when needed: without it the other sections still work.
            terms.append(
                "order_id IN (SELECT order_id FROM silver_order_items "
                "WHERE product_category_name_english IN (SELECT unnest($categories)))"
            )
        return " AND ".join(terms)


def in_states(states: tuple[str, ...]) -> str:
    """A condition on `customer_state` with the parameter `states`; true where no state is chosen."""
    return "customer_state IN (SELECT unnest($states))" if states else "true"


def state_params(states: tuple[str, ...]) -> dict[str, Any]:
    """The query parameters that `in_states` needs."""
    return {"states": list(states)} if states else {}


def choose() -> Filters | None:
    """Show the filters and return the choice; None, with a message, where there is no delivered order.

    Raises Missing without silver_orders_master.
    """
    bounds = data.answer("SELECT min(order_date) AS first, max(order_date) AS last FROM silver_orders_master").iloc[0]
    if bounds.isna().any():
        st.info("There are no delivered orders yet.", icon=":material/inbox:")
        return None
    first, last = bounds["first"].date(), bounds["last"].date()
    period, states, categories = st.columns([2, 1, 1], vertical_alignment="bottom")
    with period:
        since, until = _choose_days(first, last)
    with states:
        known = data.answer("SELECT DISTINCT customer_state AS code FROM silver_orders_master ORDER BY code")["code"]
        chosen = st.multiselect("States", known.tolist(), format_func=brazil.state_name, placeholder="All states")
    with categories:
        return Filters(since, until, tuple(chosen), tuple(_choose_categories()), first)


def _choose_days(first: date, last: date) -> tuple[date, date]:
    period = st.segmented_control(
        "Days up to the last delivered order", [*PERIODS, ALL, DATES], default=DEFAULT, required=True
    )
    if period == DATES:
        span = st.date_input("From and to", (first, last), first, last)
        # As long as only one end is picked, the span is that day.
        return (span[0], span[-1]) if isinstance(span, tuple) and span else (first, last)
    since = first if period == ALL else last - timedelta(days=PERIODS[str(period)] - 1)
    return max(since, first), last


def _choose_categories() -> list[str]:
    try:
        known = data.answer(
            "SELECT DISTINCT product_category_name_english AS name FROM silver_order_items ORDER BY name"
        )["name"].tolist()
    except data.Missing as missing:
        st.caption(str(missing))
        return []
    return st.multiselect("Categories", known, format_func=category_name, placeholder="All categories")


def category_name(name: str) -> str:
    """`health_beauty` as text: Health beauty."""
    return name.replace("_", " ").capitalize()
