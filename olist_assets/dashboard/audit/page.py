"""The Audit page: who changed or queried what, and when."""

from itertools import chain

import pandas as pd
import streamlit as st

from olist_assets.dashboard.audit.data import Filters, events
from olist_assets.dashboard.storage import RUN_ID_SHOWN, run_link

MAX_ROWS = 1000
ROW_HEIGHT, MAX_HEIGHT = 35, 600


def page() -> None:
    """The events that match the filters, as a table and as CSV."""
    st.title("Audit")
    found = events()
    if found.empty:
        st.info("There are no events yet. Create the tables with: `olist materialize`", icon=":material/info:")
        return
    chosen = _choose(found).apply(found)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen):,}** of {len(found):,} events, the newest first; times in UTC")
        st.download_button("CSV", _csv(chosen), "audit.csv", "text/csv", icon=":material/download:", on_click="ignore")
    if chosen.empty:
        st.info("No event matches the filters.", icon=":material/filter_alt_off:")
        return
    _table(chosen.head(MAX_ROWS))
    if len(chosen) > MAX_ROWS:
        st.caption(f"Only the newest {MAX_ROWS:,} are shown; the CSV has all of them.")


def _choose(found: pd.DataFrame) -> Filters:
    first, last = found["at"].min().date(), found["at"].max().date()
    with st.expander("Filters", icon=":material/filter_alt:", expanded=True), st.container(horizontal=True):
        return Filters(
            tables=st.multiselect("Tables", sorted(set(chain(*found["tables"]))), key="tables"),
            actions=st.multiselect("Actions", sorted(found["action"].unique()), key="actions"),
            users=st.multiselect("Users", sorted(found["user"].dropna().unique()), key="users"),
            days=st.date_input("Days", (first, last), min_value=first, max_value=last, key="days"),
        )


def _csv(chosen: pd.DataFrame) -> str:
    return chosen.assign(tables=chosen["tables"].str.join(" ")).to_csv(index=False)


def _table(chosen: pd.DataFrame) -> None:
    st.dataframe(
        chosen.assign(run=chosen["run_id"].map(run_link, na_action="ignore")).drop(columns="run_id"),
        hide_index=True,
        height=min(MAX_HEIGHT, ROW_HEIGHT * (len(chosen) + 1) + 3),
        placeholder="",
        column_order=[
            "at", "action", "outcome", "tables", "user", "role", "days", "written", "deleted", "version", "run",
            "notes", "recorded_in",
        ],
        column_config={
            "at": st.column_config.DatetimeColumn("at (UTC)", format="YYYY-MM-DD HH:mm:ss"),
            "tables": st.column_config.ListColumn(width=220),
            "written": st.column_config.NumberColumn("rows", format="localized", help="Written, or read by a query."),
            "deleted": st.column_config.NumberColumn(format="localized", help="Rows deleted or replaced."),
            "days": st.column_config.TextColumn(width=110),
            "run": st.column_config.LinkColumn(width=90, display_text=RUN_ID_SHOWN, help="In Dagster's UI."),
            "notes": st.column_config.TextColumn(width="large"),
            "recorded_in": st.column_config.TextColumn("recorded in", help="The table's own log, or the audit log."),
        },
    )  # fmt: skip
