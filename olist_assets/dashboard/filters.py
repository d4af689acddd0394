"""The Business page's filters: what the reader chose, and how a query over delivered orders applies it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import streamlit as st

from olist_assets.dashboard import brazil, data

PERIODS = {"30": 30, "90": 90, "180": 180, "365": 365}
USUAL, ALL, OWN = "180", "All", "Dates"


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
    def before(self) -> date:
        """First day of the period of equal length before; the data may begin later."""
        return self.since - timedelta(days=self.days)

    @property
    def has_before(self) -> bool:
        """Whether the data reach back over the whole period before."""
        return self.before >= self.first

    @property
    def params(self) -> dict[str, Any]:
        """Values of the parameters that `orders` names."""
        chosen = {"states": list(self.states), "categories": list(self.categories)}
        return {name: values for name, values in chosen.items() if values}

    @property
    def orders(self) -> str:
        """A condition on silver_orders_master: the states, and orders with an item of one of the categories."""
        terms = [in_states(self.states)]
        if self.categories:
            # Named only then, so that the page needs no more tables than the reader asks for.
            terms.append(
                "order_id IN (SELECT order_id FROM silver_order_items "
                "WHERE product_category_name_english IN (SELECT unnest($categories)))"
            )
        return " AND ".join(terms)


def in_states(states: tuple[str, ...]) -> str:
    """A condition on `customer_state`, with the parameter `states`; true where none is chosen."""
    return "customer_state IN (SELECT unnest($states))" if states else "true"


def chosen() -> Filters | None:
    """Show the filters and return what is chosen; None, said to the reader, while there is nothing to choose from.

    Raises Missing without silver_orders_master.
    """
    bounds = data.answer("SELECT min(order_date) AS first, max(order_date) AS last FROM silver_orders_master").iloc[0]
    if bounds.isna().any():
        st.info("There is no delivered order yet.", icon=":material/inbox:")
        return None
    first, last = bounds["first"].date(), bounds["last"].date()
    period, states, categories = st.columns([2, 1, 1], vertical_alignment="bottom")
    with period:
        since, until = _span(first, last)
    with states:
        known = data.answer("SELECT DISTINCT customer_state AS code FROM silver_orders_master ORDER BY code")["code"]
        of_states = st.multiselect("States", known.tolist(), format_func=brazil.state_name, placeholder="All states")
    with categories:
        of_categories = _categories()
    return Filters(since, until, tuple(of_states), tuple(of_categories), first)


def _span(first: date, last: date) -> tuple[date, date]:
    period = st.segmented_control(
        "Days, to the last with a delivered order", [*PERIODS, ALL, OWN], default=USUAL, required=True
    )
    if period == OWN:
        span = st.date_input("From and to", (first, last), first, last)
        # While the reader has picked only one end, that day is the span.
        return (span[0], span[-1]) if isinstance(span, tuple) and span else (first, last)
    since = first if period == ALL else last - timedelta(days=PERIODS[str(period)] - 1)
    return max(since, first), last


def _categories() -> list[str]:
    try:
        known = data.answer(
            "SELECT DISTINCT product_category_name_english AS name FROM silver_order_items ORDER BY name"
        )["name"].tolist()
    except data.Missing as missing:
        st.caption(str(missing))
        return []
    return st.multiselect("Categories", known, format_func=category_name, placeholder="All categories")


def category_name(name: str) -> str:
    """`health_beauty` as people write it."""
    return name.replace("_", " ").capitalize()
