"""The Audit page: commits and entries of the audit log in one list, and its filters."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from olist_assets.dashboard.audit.data import COLUMNS, Filters, events
from olist_assets.gold.gold_category_metrics import GOLD_CATEGORY_METRICS
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.dashboard.conftest import messages, rerun, shown
from olist_assets_tests.rows import store

TABLE = GOLD_CATEGORY_METRICS.name
TOYS = {"product_category_name_english": "toys"}


def test_page_without_events_shows_the_command_that_creates_the_tables(settings: Settings):
    assert "olist materialize" in messages(shown("audit"))


def test_commits_and_entries_are_one_list_the_newest_first(warehouse: Warehouse):
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS, TOYS)
    audit_log.record(warehouse, "query", [TABLE], role="viewer", statement="FROM\n  x", error="refused")
    found = events()
    assert list(found["at"]) == sorted(found["at"], reverse=True)
    newest, write = found.iloc[0], found.iloc[1]
    assert (newest["action"], newest["role"], newest["notes"]) == ("query", "viewer", "FROM\\n  x; error: refused")
    assert (write["version"], write["written"], write["recorded_in"]) == (2, 2, "table")
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    assert list(events()["version"][:1]) == [3]


def test_page_filters_by_action_and_table_and_has_a_csv(warehouse: Warehouse):
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    audit_log.record(warehouse, "query", [TABLE, "silver_orders"], statement="FROM x")
    app = shown("audit")
    assert list(app.dataframe[0].value["action"]) == ["query", "write", "create table"]
    app.multiselect(key="actions").select("query")
    assert list(rerun(app).dataframe[0].value["action"]) == ["query"]
    app.multiselect(key="tables").select("silver_orders")
    assert len(rerun(app).dataframe[0].value) == 1
    app.multiselect(key="actions").set_value(["create table"])
    assert "No event matches" in messages(rerun(app))
    assert app.get("download_button")


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({}, [0, 1, 2]),
        ({"tables": ["b"]}, [1, 2]),
        ({"actions": ["write"], "tables": ["b"]}, [2]),
        ({"users": ["bob"]}, [1]),
        ({"days": (date(2026, 1, 2), date(2026, 1, 3))}, [1, 2]),
        # The end of the range is not chosen yet.
        ({"days": (date(2026, 1, 2),)}, [0, 1, 2]),
    ],
)
def test_filters_keep_the_events_that_match_all_of_them(chosen, kept):
    def event(action: str, table: str, user: str, day: int) -> dict[str, object]:
        return {"at": datetime(2026, 1, day, 23, 59, tzinfo=UTC), "action": action, "tables": [table], "user": user}

    rows = [event("write", "a", "ann", 1), event("query", "b", "bob", 2), event("write", "b", "ann", 3)]
    found = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
    filters = Filters(**({"tables": [], "actions": [], "users": [], "days": ()} | chosen))
    assert list(filters.apply(found).index) == kept


def test_role_without_the_audit_log_sees_the_commits(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    store(warehouse, GOLD_CATEGORY_METRICS, TOYS)
    audit_log.record(warehouse, "query", [TABLE], statement="FROM x")
    monkeypatch.setenv("OLIST_ROLE", "marketing")
    app = shown("audit")
    assert list(app.dataframe[0].value["action"]) == ["write", "create table"]
    assert "audit_log could not be read" in messages(app)
