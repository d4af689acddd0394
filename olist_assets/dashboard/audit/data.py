"""Who changed or queried what, and when: the versions of all tables and the entries of the audit log, as one list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pandas as pd
import streamlit as st

from olist_assets.dashboard import data
from olist_assets.lakehouse.time_travel import Version, history
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.printable import printable

MAX_VERSIONS, MAX_ENTRIES = 500, 5000
TABLE_LOG, AUDIT_LOG = "table", "audit log"
COLUMNS = (
    "at", "action", "outcome", "tables", "user", "role", "days", "written", "deleted", "version", "run_id", "notes",
    "recorded_in",
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """Which events are shown; an empty choice means all, and so does a range of days without an end."""

    tables: list[str]
    actions: list[str]
    users: list[str]
    days: tuple[date, ...]

    def apply(self, events: pd.DataFrame) -> pd.DataFrame:
        """The events of any of the tables, with any of the actions, by any of the users, on the days (UTC)."""
        kept = pd.Series(data=True, index=events.index)
        if self.tables:
            kept &= events["tables"].map(lambda names: not set(names).isdisjoint(self.tables))
        if self.actions:
            kept &= events["action"].isin(self.actions)
        if self.users:
            kept &= events["user"].isin(self.users)
        if len(self.days) == 2:
            kept &= events["at"].dt.date.between(*self.days)
        return events.loc[kept]


def events() -> pd.DataFrame:
    """COLUMNS of every event, the newest first: `at` in UTC, `tables` a list, `written` and `deleted` rows.

    `notes` are a query's statement, the class of an error, or the other metadata of a commit.
    """
    warehouse = data.warehouse()
    names = warehouse.catalog.business_tables
    rows = [row for name in names for row in _commits(warehouse, str(warehouse.root), data.newest(warehouse, name))]
    with data.section():
        # A role that may not read the audit log still sees the versions of the tables.
        rows += _entries()
    frame = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
    return frame.astype({"at": "datetime64[us, UTC]"}).sort_values("at", ascending=False, ignore_index=True)


@st.cache_data(show_spinner="Reading the tables' histories", max_entries=200)
def _commits(_warehouse: Warehouse, root: str, newest: data.TableVersion) -> list[dict[str, object]]:  # noqa: ARG001
    if newest.version < 0:
        return []
    return [_commit(newest.table, version) for version in history(_warehouse, newest.table, MAX_VERSIONS)]


def _commit(name: str, version: Version) -> dict[str, object]:
    return {
        "at": version.at,
        "action": printable((version.operation or "unknown").lower()),
        "outcome": None,
        "tables": [name],
        "user": version.who and printable(version.who),
        "role": None,
        "days": version.partitions,
        "written": version.written,
        "deleted": version.deleted,
        "version": version.version,
        "run_id": version.run_id,
        "notes": printable(version.notes),
        "recorded_in": TABLE_LOG,
    }


def _entries() -> Iterable[dict[str, object]]:
    """The newest entries of the audit log. Raises QueryFailed, also for any role."""
    # A look at the log is not logged: each would change the next one.
    for entry in data.audit_entries(MAX_ENTRIES):
        notes = (entry["statement"], entry["error"] and f"error: {entry['error']}")
        yield {
            "at": entry["at"],
            "action": printable(entry["action"]),
            "outcome": entry["outcome"],
            "tables": [printable(name) for name in entry["tables"]],
            "user": printable(entry["by"]),
            "role": entry["role"] and printable(entry["role"]),
            "written": entry["rows"],
            "run_id": entry["run_id"],
            "notes": printable("; ".join(filter(None, notes))),
            "recorded_in": AUDIT_LOG,
        }
