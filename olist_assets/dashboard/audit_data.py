"""Who changed or asked for what, and when: every table's versions and the audit log's entries, as one list."""

from collections.abc import Iterable

import pandas as pd
import streamlit as st
from deltalake.exceptions import TableNotFoundError

from olist_assets import audit_log, lakehouse
from olist_assets.catalog import tables
from olist_assets.object_store import open_delta
from olist_assets.settings import Settings
from olist_assets.time_travel import Version, history

VERSIONS_READ, ENTRIES_READ = 500, 5000
DELTA, LOG = "table", "audit log"
COLUMNS = (
    "at", "action", "tables", "who", "role", "days", "written", "deleted", "version", "run_id", "notes", "recorded_in",
)  # fmt: skip


def events(settings: Settings) -> pd.DataFrame:
    """COLUMNS of every event, the newest first: `at` in UTC, `tables` a list, rows `written` and `deleted`.

    `notes` are the statement of a query, the error of what failed, or what a commit says besides.
    """
    rows = [row for name in tables() for row in _changes(str(settings.warehouse_path), name, _newest(settings, name))]
    frame = pd.DataFrame([*rows, *_entries(settings)], columns=list(COLUMNS))
    return frame.astype({"at": "datetime64[us, UTC]"}).sort_values("at", ascending=False, ignore_index=True)


def _newest(settings: Settings, name: str) -> str | None:
    """The name of the table's newest commit: while it is the same, so is the history."""
    folder = lakehouse.table_path(settings, name) / "_delta_log"
    return max((file.name for file in folder.glob("*.json")), default=None)


@st.cache_data(show_spinner="Reading the tables' histories", max_entries=200)
def _changes(warehouse: str, name: str, newest: str | None) -> list[dict[str, object]]:
    del warehouse  # It only tells what was read apart.
    return [_change(name, version) for version in history(Settings(), name, VERSIONS_READ)] if newest else []


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


def _entries(settings: Settings) -> Iterable[dict[str, object]]:
    """The newest entries of the audit log; none where nothing was logged yet."""
    try:
        table = open_delta(audit_log.path(settings))
    except TableNotFoundError:
        return
    with lakehouse.connection({audit_log.NAME: table}) as sql:
        found = sql.sql(f'FROM {audit_log.NAME} ORDER BY "at" DESC LIMIT {ENTRIES_READ}').to_arrow_table()
    for entry in found.to_pylist():
        said = (entry["statement"], entry["error"] and f"error: {entry['error']}")
        yield {
            "at": entry["at"],
            "action": entry["action"],
            "tables": entry["tables"],
            "who": entry["by"],
            "role": entry["role"],
            "written": entry["rows"],
            "run_id": entry["run_id"],
            "notes": "; ".join(filter(None, said)),
            "recorded_in": LOG,
        }


def filtered(
    events: pd.DataFrame, *, tables: list[str], actions: list[str], users: list[str], days: tuple[object, ...]
) -> pd.DataFrame:
    """Those events that are of any of the tables, actions and users (all, where none is named) on the days (UTC)."""
    kept = pd.Series(True, index=events.index)
    if tables:
        kept &= events["tables"].map(lambda names: not set(names).isdisjoint(tables))
    if actions:
        kept &= events["action"].isin(actions)
    if users:
        kept &= events["who"].isin(users)
    if len(days) == 2:
        kept &= events["at"].dt.date.between(*days)
    return events[kept]
