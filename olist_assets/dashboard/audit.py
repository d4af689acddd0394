"""Audit: who changed or asked for what, and when."""

from itertools import chain
from typing import Any

import pandas as pd
import streamlit as st

from olist_assets.dashboard.audit_data import events, filtered
from olist_assets.orchestration.dagster_storage import RUN_SHOWN, run_link

SHOWN, ROW_HEIGHT = 1000, 35


def page() -> None:
    st.title("Audit")
    found = events()
    if found.empty:
        st.info(
            "Nothing was changed or asked for yet. Make the tables with: `olist materialize`", icon=":material/info:"
        )
        return
    chosen = filtered(found, **_filters(found))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen):,}** of {len(found):,} events, the newest first; times in UTC")
        st.download_button("CSV", _csv(chosen), "audit.csv", "text/csv", icon=":material/download:", on_click="ignore")
    if chosen.empty:
        st.info("No event fits the filters.", icon=":material/filter_alt_off:")
        return
    _table(chosen.head(SHOWN))
    if len(chosen) > SHOWN:
        st.caption(f"The newest {SHOWN:,} are shown; the CSV has all of them.")


def _filters(found: pd.DataFrame) -> dict[str, Any]:
    first, last = found["at"].min().date(), found["at"].max().date()
    with st.expander("Filters", icon=":material/filter_alt:", expanded=True), st.container(horizontal=True):
        return {
            "tables": st.multiselect("Tables", sorted(set(chain(*found["tables"]))), key="tables"),
            "actions": st.multiselect("Actions", sorted(found["action"].unique()), key="actions"),
            "users": st.multiselect("By", sorted(found["who"].dropna().unique()), key="users"),
            "days": st.date_input("Days", (first, last), min_value=first, max_value=last, key="days"),
        }


def _csv(chosen: pd.DataFrame) -> str:
    return chosen.assign(tables=chosen["tables"].str.join(" ")).to_csv(index=False)


def _table(chosen: pd.DataFrame) -> None:
    runs = chosen["run_id"].map(lambda run: run_link(run) if run else None)
    st.dataframe(
        chosen.assign(run=runs).drop(columns="run_id"),
        hide_index=True,
        height=min(600, ROW_HEIGHT * (len(chosen) + 1) + 3),
        placeholder="",
        column_order=[
            "at", "action", "tables", "who", "role", "days", "written", "deleted", "version", "run", "notes",
            "recorded_in",
        ],
        column_config={
            "at": st.column_config.DatetimeColumn("at (UTC)", format="YYYY-MM-DD HH:mm:ss"),
            "tables": st.column_config.ListColumn(width=220),
            "written": st.column_config.NumberColumn("rows", format="localized", help="Written, or read by a query."),
            "deleted": st.column_config.NumberColumn(format="localized", help="Rows deleted or replaced."),
            "days": st.column_config.TextColumn(width=110),
            "run": st.column_config.LinkColumn(width=90, display_text=RUN_SHOWN, help="In Dagster's UI."),
            "notes": st.column_config.TextColumn(width="large"),
            "recorded_in": st.column_config.TextColumn("recorded in", help="The table's own log, or the audit log."),
        },
    )  # fmt: skip
