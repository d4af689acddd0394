"""Health: every table with its verdict, failing ones first; one of them with its checks over time and its days."""

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from olist_assets.contracts.table import Table
from olist_assets.dashboard import data, operations
from olist_assets.dashboard.health_charts import COLOURS, DAYS_LEGEND, calendar, figures_text, strip, worst_first
from olist_assets.dashboard.health_data import FAILING, HEALTHY, NEVER_MADE, STALE, WARNING, TableHealth
from olist_assets.dashboard.health_data import health as read_health
from olist_assets.orchestration.dagster_storage import PASSED, RUN_SHOWN, Evaluated
from olist_assets.settings import Settings

KEPT_SECONDS = 15
MEANING = {
    FAILING: "A check failed, the last run did not make it, or it cannot be opened.",
    WARNING: "A check warns, or was passed over when last asked for.",
    NEVER_MADE: "There is no data of it yet.",
    STALE: "Made before a table or model that it reads.",
    HEALTHY: "Made, and its checks pass.",
}


def page() -> None:
    st.title("Health")
    tables = current_health()
    if all(table.stored is None for table in tables):
        st.info("No table is made yet. Make them with: `olist materialize`", icon=":material/info:")
        return
    if not any(table.run.made_at for table in tables):
        st.info(
            f"Dagster's storage in {operations.dagster_home()} knows of no run that made these tables: runs, checks "
            "and days are missing below. Set DAGSTER_HOME to the one they were made with.",
            icon=":material/info:",
        )
    _summary(tables)
    _board(tables)
    _detail(tables)


def current_health() -> list[TableHealth]:
    """Every table's, a few seconds old at most."""
    return _health(data.settings().warehouse, str(operations.dagster_home()))


@st.cache_data(ttl=KEPT_SECONDS, show_spinner="Reading the tables' logs")
def _health(warehouse: str, home: str) -> list[TableHealth]:
    del home  # It only tells apart what was read.
    return read_health(operations.storage(), Settings(warehouse=warehouse))


def _summary(tables: list[TableHealth]) -> None:
    with st.container(horizontal=True):
        for status in (FAILING, WARNING, NEVER_MADE, STALE, HEALTHY):
            count = sum(table.status == status for table in tables)
            st.metric(status.capitalize(), count, help=MEANING[status], border=True, width=132)


def _board(tables: list[TableHealth]) -> None:
    numbers = {name: st.column_config.NumberColumn(format="localized") for name in ("rows", "nulls", "duplicates")}
    st.dataframe(
        _coloured([_row(table) for table in tables], "status"),
        hide_index=True,
        height="content",
        placeholder="",
        column_config=numbers
        | {
            "table": st.column_config.TextColumn(pinned=True, width=240),
            "made (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "last day": st.column_config.DateColumn(width=95, help="The last day with rows, of tables that have days."),
            "nulls": st.column_config.NumberColumn(help="In required columns.", format="localized"),
            "duplicates": st.column_config.NumberColumn(help="Rows beyond the first of a key.", format="localized"),
            "schema": st.column_config.TextColumn(help="How often its columns changed, and in which version last."),
            "size": st.column_config.NumberColumn(format="bytes"),
            "version": st.column_config.NumberColumn(help="Of the Delta table."),
            "seconds": st.column_config.NumberColumn(help="What making it took, its write included.", format="%.1f"),
            "run": st.column_config.LinkColumn(display_text=RUN_SHOWN, help="In Dagster's UI."),
        },
    )


def _row(table: TableHealth) -> dict[str, object]:
    stored, run = table.stored, table.run
    passed = sum(check.outcome == PASSED for check in table.checks)
    return {
        "status": table.status,
        "table": table.name,
        "checks": f"{passed}/{len(table.checks)}" if table.checks else "",
        "rows": stored and stored.rows,
        "nulls": stored and stored.nulls,
        "duplicates": table.duplicates,
        "made (UTC)": run.made_at,
        "last day": stored and stored.last_day,
        "seconds": run.seconds,
        "size": stored and stored.bytes,
        "files": stored and stored.files,
        "version": stored and stored.version,
        "schema": f"{stored.schema_version} since v{stored.schema_since}" if stored else None,
        "run": operations.run_link(run.run_id) if run.run_id else None,
    }


def _coloured(rows: list[dict[str, object]], column: str) -> Styler:
    """The rows as a table, a column of which has the colour of what it says, behind a dot."""
    frame = pd.DataFrame(rows).assign(**{column: [f"● {row[column]}" for row in rows]})
    return frame.style.map(lambda text: f"color: {COLOURS[text.removeprefix('● ')]}; font-weight: 600", [column])


def _detail(tables: list[TableHealth]) -> None:
    by_name = {table.name: table for table in tables}
    chosen = by_name[st.selectbox("Table", list(by_name), key="table", bind="query-params")]
    st.subheader(chosen.name, anchor=False)
    st.caption(f"{chosen.contract.description} {chosen.contract.grain}".strip())
    st.markdown("\n".join(f"- {reason}" for reason in chosen.reasons))
    _checks(chosen.name)
    if chosen.contract.cluster_by and chosen.stored and not chosen.stored.error:
        with data.section():
            _days(chosen.contract)


def _checks(table: str) -> None:
    history = operations.check_history(operations.storage(), table)
    if not history:
        st.info(f"Its checks were never run. Run them with: `olist checks --select {table}`", icon=":material/info:")
        return
    st.markdown("**Checks over time**")
    st.altair_chart(strip(history))
    st.markdown("**Last evaluations**")
    newest: dict[str, Evaluated] = {each.check: each for each in sorted(history, key=lambda each: each.at)}
    st.dataframe(
        _coloured([_check_row(newest[name]) for name in worst_first(history)], "outcome"),
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "at (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "run": st.column_config.LinkColumn(display_text=RUN_SHOWN),
        },
    )


def _check_row(each: Evaluated) -> dict[str, object]:
    return {
        "outcome": each.outcome,
        "check": each.check,
        "figures": figures_text(each.figures),
        "at (UTC)": each.at,
        "run": operations.run_link(each.run_id),
        "what it asks": operations.description_of(each.table, each.check),
    }


def _days(contract: Table) -> None:
    states = operations.day_states(operations.storage(), contract.name)
    query = f"SELECT CAST({contract.cluster_by} AS VARCHAR) AS day, count(*) AS n FROM {contract.name} GROUP BY 1"
    rows = {day: int(n) for day, n in data.answer(query).itertuples(index=False)}
    counts = {state: list(states.values()).count(state) for state in dict.fromkeys(states.values())}
    st.markdown(f"**Days** by rows: {', '.join(f'{count:,} {state}' for state, count in counts.items())}")
    st.caption(DAYS_LEGEND)
    for year in sorted({key[:4] for key in states}, reverse=True):
        st.caption(year)
        st.altair_chart(calendar(states, rows, int(year)))
