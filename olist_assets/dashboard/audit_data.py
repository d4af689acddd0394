"""Who changed or asked for what, and when: every table's versions and the audit log's entries, as one list."""

from collections.abc import Iterable
from datetime import date

import pandas as pd
import streamlit as st

from olist_assets.governance import audit_log
from olist_assets.catalog import tables
from olist_assets.dashboard import data
from olist_assets.settings import Settings
from olist_assets.lakehouse.time_travel import Version, history

VERSIONS_READ, ENTRIES_READ = 500, 5000
DELTA, LOG = "table", "audit log"
COLUMNS = (
    "at", "action", "tables", "who", "role", "days", "written", "deleted", "version", "run_id", "notes", "recorded_in",
)  # fmt: skip


def events() -> pd.DataFrame:
    """COLUMNS of every event, the newest first: `at` in UTC, `tables` a list, rows `written` and `deleted`.

    `notes` are the statement of a query, the error of what failed, or what a commit says besides.
    """
    settings = data.settings()
    rows = [row for name in tables() for row in _changes(settings.warehouse, data.newest(settings, name))]
    with data.section():
        # A role that may not read the log still sees what the tables say.
        rows += _entries()
    frame = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
    return frame.astype({"at": "datetime64[us, UTC]"}).sort_values("at", ascending=False, ignore_index=True)


@st.cache_data(show_spinner="Reading the tables' histories", max_entries=200)
def _changes(warehouse: str, newest: data.Version) -> list[dict[str, object]]:
    name, version, _ = newest
    if version < 0:
        return []
    return [_change(name, version) for version in history(Settings(warehouse=warehouse), name, VERSIONS_READ)]


def _change(name: str, version: Version) -> dict[str, object]:
    return {
        "at": version.at,
        "action": (version.operation or "unknown").lower(),
        "tables": [name],
        "who": version.who,
        "role": None,
        "days": version.partitions,
        "written": version.written,
        "deleted": version.deleted,
        "version": version.version,
        "run_id": version.run_id,
        "notes": version.notes,
        "recorded_in": DELTA,
    }


def _entries() -> Iterable[dict[str, object]]:
    """The newest entries of the audit log; none where nothing was logged yet."""
    try:
        found = data.answer(f'FROM {audit_log.NAME} ORDER BY "at" DESC LIMIT {ENTRIES_READ}')
    except data.Missing:
        return
    for entry in found.to_dict("records"):
        asked = " ".join((entry["statement"] or "").split())
        said = (asked, entry["error"] and f"error: {entry['error']}")
        yield {
            "at": entry["at"],
            "action": entry["action"],
            "tables": list(entry["tables"]),
            "who": entry["by"],
            "role": entry["role"],
            "written": entry["rows"],
            "run_id": entry["run_id"],
            "notes": "; ".join(filter(None, said)),
            "recorded_in": LOG,
        }


def filtered(
    events: pd.DataFrame, *, tables: list[str], actions: list[str], users: list[str], days: tuple[date, ...]
) -> pd.DataFrame:
    """Those events that are of any of the tables, actions and users (all, where none is named) on the days (UTC)."""
    kept = pd.Series(data=True, index=events.index)
    if tables:
        kept &= events["tables"].map(lambda names: not set(names).isdisjoint(tables))
    if actions:
        kept &= events["action"].isin(actions)
    if users:
        kept &= events["who"].isin(users)
    if len(days) == 2:
        kept &= events["at"].dt.date.between(*days)
    return events.loc[kept]
