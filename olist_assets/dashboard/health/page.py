"""The Health page: incidents, the status of every table, and one of them over time: checks, profiles, days."""

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from olist_assets.contracts.table import Table
from olist_assets.dashboard.data import section
from olist_assets.dashboard.health.charts import COLOURS, DAYS_LEGEND, calendar, metadata_text, strip, worst_first
from olist_assets.dashboard.health.data import Status, TableHealth, current_health, days, history
from olist_assets.dashboard.health.incidents import incidents_section
from olist_assets.dashboard.health.profiles import profiles_section
from olist_assets.dashboard.health.score import FORMULA
from olist_assets.dashboard.storage import RUN_ID_SHOWN, graph, home, run_link
from olist_assets.orchestration.dagster_storage import CheckEvaluation, Outcome, check_description

MEANING = {
    Status.FAILING: "A check failed, the last run did not materialize the table, or the table cannot be opened.",
    Status.WARNING: "A check warns, or was planned but not evaluated in its last run.",
    Status.MISSING: "The table was never written.",
    Status.STALE: "Materialized before a table or champion that it reads.",
    Status.HEALTHY: "Materialized, and its checks pass.",
}
TIME = "YYYY-MM-DD HH:mm"


def page() -> None:
    """The incidents, the status of every table, and one table in detail."""
    st.title("Health")
    tables = current_health()
    if all(table.stored is None for table in tables):
        st.info("There are no tables yet. Create them with: `olist materialize`", icon=":material/info:")
        return
    if not any(table.run.materialized_at for table in tables):
        st.info(
            f"Dagster's storage in {home()} has no run that materialized these tables, so runs, checks and days are "
            "missing below. Set DAGSTER_HOME to the one that was used.",
            icon=":material/info:",
        )
    incidents_section()
    st.subheader("Tables")
    _summary(tables)
    _board(tables)
    st.caption(FORMULA)
    _detail(tables)


def _summary(tables: list[TableHealth]) -> None:
    with st.container(horizontal=True):
        for status, meaning in MEANING.items():
            count = sum(table.status == status for table in tables)
            st.metric(status.capitalize(), count, help=meaning, border=True, width=132)


def _board(tables: list[TableHealth]) -> None:
    st.dataframe(
        _coloured([_row(table) for table in tables], "status"),
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "table": st.column_config.TextColumn(pinned=True, width=240),
            "materialized (UTC)": st.column_config.DatetimeColumn(format=TIME),
            "last day": st.column_config.DateColumn(width=95, help="The last day with rows, of daily tables."),
            "score": st.column_config.NumberColumn(format="%.0f", help=FORMULA),
            "rows": st.column_config.NumberColumn(format="localized"),
            "nulls": st.column_config.NumberColumn(help="In required columns.", format="localized"),
            "duplicates": st.column_config.NumberColumn(help="Rows beyond the first of a key.", format="localized"),
            "schema": st.column_config.TextColumn(help="Number of schemas so far, and the version of the newest one."),
            "size": st.column_config.NumberColumn(format="bytes"),
            "version": st.column_config.NumberColumn(help="Newest version of the Delta table."),
            "seconds": st.column_config.NumberColumn(help="Duration with the write.", format="%.1f"),
            "run": st.column_config.LinkColumn(display_text=RUN_ID_SHOWN, help="In Dagster's UI."),
        },
    )


def _row(table: TableHealth) -> dict[str, object]:
    stored, run = table.stored, table.run
    passed = sum(check.outcome == Outcome.PASSED for check in table.checks)
    return {
        "status": table.status,
        "table": table.name,
        "checks": f"{passed}/{len(table.checks)}" if table.checks else "",
        "score": table.score,
        "rows": stored and stored.rows,
        "nulls": stored and stored.nulls,
        "duplicates": table.duplicates,
        "materialized (UTC)": run.materialized_at,
        "last day": stored and stored.last_day,
        "seconds": run.seconds,
        "size": stored and stored.bytes,
        "files": stored and stored.files,
        "version": stored and stored.version,
        "schema": f"{stored.schema_version} since v{stored.schema_since}" if stored else None,
        "run": run_link(run.run_id),
    }


def _coloured(rows: list[dict[str, object]], column: str) -> Styler:
    """The rows as a table; a status or outcome has a dot before it and its colour."""
    frame = pd.DataFrame(rows).assign(**{column: [f"● {row[column]}" for row in rows]})
    return frame.style.map(lambda text: f"color: {COLOURS[text.removeprefix('● ')]}; font-weight: 600", [column])


def _detail(tables: list[TableHealth]) -> None:
    by_name = {table.name: table for table in tables}
    chosen = by_name[st.selectbox("Table", list(by_name), key="table", bind="query-params")]
    st.subheader(chosen.name, anchor=False)
    st.caption(f"{chosen.contract.description} {chosen.contract.grain}".strip())
    st.markdown("\n".join(f"- {reason}" for reason in chosen.reasons))
    _checks(chosen.name)
    if chosen.contract.thresholds.profiles:
        with section():
            profiles_section(chosen.contract)
    if chosen.contract.day and chosen.stored and not chosen.stored.error:
        with section():
            _days(chosen.contract)


def _checks(table: str) -> None:
    found = history(table)
    if not found:
        st.info(
            f"The checks of this table have never run. Run them with: `olist checks --select {table}`",
            icon=":material/info:",
        )
        return
    st.markdown("**Checks over time**")
    st.altair_chart(strip(found))
    st.markdown("**Last evaluations**")
    newest = {each.check: each for each in sorted(found, key=lambda each: each.at)}
    st.dataframe(
        _coloured([_check_row(newest[name]) for name in worst_first(found)], "outcome"),
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "at (UTC)": st.column_config.DatetimeColumn(format=TIME),
            "run": st.column_config.LinkColumn(display_text=RUN_ID_SHOWN),
        },
    )


def _check_row(each: CheckEvaluation) -> dict[str, object]:
    return {
        "outcome": each.outcome,
        "check": each.check,
        "metadata": metadata_text(each.metadata),
        "at (UTC)": each.at,
        "run": run_link(each.run_id),
        "description": check_description(graph(), each.table, each.check),
    }


def _days(contract: Table) -> None:
    states, rows = days(contract)
    counts = {state: list(states.values()).count(state) for state in dict.fromkeys(states.values())}
    st.markdown(f"**Rows per day**: {', '.join(f'{count:,} days {state}' for state, count in counts.items())}")
    st.caption(DAYS_LEGEND)
    for year in sorted({day[:4] for day in states}, reverse=True):
        st.caption(year)
        st.altair_chart(calendar(states, rows, int(year)))
