"""The Demand tab: the forecast of a series, how good the forecasts were, and when to order again."""

import streamlit as st

from olist_assets.dashboard.charts import download, show
from olist_assets.dashboard.data import section
from olist_assets.dashboard.decisions import demand_data
from olist_assets.dashboard.decisions.demand_charts import errors_by_origin, fan
from olist_assets.decisions.demand.rule import CATEGORY, CATEGORY_STATE, LEVELS, STATE, TOTAL

LEVEL_NAMES = {TOTAL: "All items", STATE: "States", CATEGORY: "Categories", CATEGORY_STATE: "Categories in states"}
METRICS = {"wape_sum": "Sum of the window", "wape_day": "Single days"}
POISSON, TOO_NARROW = "poisson_coverage80_sum", 0.75
INTERVALS = {
    "coverage80_sum": "sum of the window, 80 %",
    "coverage95_sum": "sum of the window, 95 %",
    "coverage80_day": "single days, 80 %",
    "coverage95_day": "single days, 95 %",
    POISSON: "sum as a Poisson count, 80 %",
    "poisson_coverage95_sum": "sum as a Poisson count, 95 %",
}
LIMITS = (
    "Sales are forecast, not demand: nobody orders what is out of stock. Less than two years of orders have no yearly "
    "season to learn from. Stock on hand, real lead times and costs are not in the data."
)


def tab() -> None:
    """The level and series chosen above apply to all sections."""
    level = st.segmented_control(
        "Level", list(LEVELS), default=TOTAL, format_func=LEVEL_NAMES.__getitem__, required=True, key="demand_level"
    )
    with section():
        _forecast(level)
    with section("Error by origin"):
        _errors(level)
    with section("Coverage of the intervals"):
        _coverage(level)
    with section("Reorder points"):
        _reorder(level)


def _forecast(level: str) -> None:
    names = demand_data.names(level)
    if not names:
        st.info("The orders span less than eight weeks, too few for a forecast.", icon=":material/info:")
        return
    name = names[0]
    if level != TOTAL:
        name = st.selectbox("Series", names, key=f"demand_{level}")
    ahead = demand_data.forecast(level, name)
    past = demand_data.sold(level, name, ahead["origin"].iloc[0])
    days = len(ahead)
    with st.container(horizontal=True):
        st.metric(f"Expected in {days} days", f"{ahead['mean'].sum():,.0f}", help="Units of items.", border=True)
        before = past["sold"].tail(days).sum()
        st.metric(f"Sold in the {days} days before", f"{before:,.0f}", border=True)
        st.metric("Last complete day", f"{ahead['origin'].iloc[0]:%d %b %Y}", border=True)
        st.metric("Model", ahead["model"].iloc[0], help="The champion of the level at rolling origins.", border=True)
    note = f"Units per day with intervals of 80 % and 95 % from the errors of past forecasts. {LIMITS}"
    show(fan(past, ahead), ahead, f"forecast_{level}", note)


def _errors(level: str) -> None:
    metric = st.segmented_control(
        "Error of",
        list(METRICS),
        default="wape_sum",
        format_func=METRICS.__getitem__,
        required=True,
        key="demand_error",
    )
    errors = demand_data.errors(level, metric)
    if errors.empty:
        st.info("Too few days are known to evaluate a forecast at several origins.", icon=":material/info:")
        return
    days = (errors["last"] - errors["origin"]).dt.days.iloc[0]
    note = (
        f"Absolute errors over the units sold in the {days} days after each origin, with 95 % intervals. A red "
        f"triangle marks a window with a known event: {' '.join(errors.loc[errors['event'] != '', 'event'].unique())}"
    )
    show(errors_by_origin(errors, "error over units sold"), errors, f"errors_{level}", note)


def _coverage(level: str) -> None:
    found = demand_data.coverage(level)
    if found.empty:
        st.info("Too few days are known to measure how often intervals held.", icon=":material/info:")
        return
    columns = ("promised", "covered", "low", "high")
    st.dataframe(
        found.assign(intervals=found["intervals"].map(INTERVALS.get)),
        hide_index=True,
        width="stretch",
        column_config=dict.fromkeys(columns, st.column_config.NumberColumn(format="percent")),
    )
    poisson = found.set_index("intervals")["covered"].get(POISSON)
    if poisson is not None and poisson < TOO_NARROW:
        st.warning(
            f"Intervals of a Poisson count would hold {100 * poisson:.0f} % of the sums instead of 80 %: demand varies "
            "by more than chance.",
            icon=":material/warning:",
        )


def _reorder(level: str) -> None:
    lead_times, services = demand_data.reorder_parameters(level)
    if not lead_times:
        st.info("The orders span less than eight weeks, too few for a reorder point.", icon=":material/info:")
        return
    with st.container(horizontal=True):
        days = st.selectbox("Lead time, days", lead_times, index=len(lead_times) // 2, key="demand_lead")
        service = st.selectbox(
            "Service level", services, index=len(services) // 2, format_func="{:.1%}".format, key="demand_service"
        )
    points = demand_data.reorder_points(level, days, service)
    number = {"mean_demand": "expected units", "safety_stock": "safety stock", "reorder_point": "reorder point"}
    st.dataframe(
        points,
        hide_index=True,
        width="stretch",
        placeholder="",
        column_config={column: st.column_config.NumberColumn(name, format="%.0f") for column, name in number.items()},
    )
    note = "Lead time and service level are assumptions. Others: `olist reorder --lead-days 10 --service 0.99`"
    download(points, f"reorder_{level}", note)
