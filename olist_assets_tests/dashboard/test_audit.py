from datetime import UTC, date, datetime

import pandas as pd
import pytest

from olist_assets.governance import audit_log
from olist_assets.dashboard.audit_data import COLUMNS, events, filtered
from olist_assets.settings import Settings
from olist_assets_tests.dashboard.conftest import put, rerun, said, shown

ROWS = [{"product_category_name_english": "toys"}]


def test_nothing_done_tells_what_to_do(settings: Settings):
    assert "olist materialize" in said(shown("audit"))


def test_versions_and_entries_are_one_list_the_newest_first(settings: Settings):
    put(settings, "gold_category_metrics", ROWS)
    put(settings, "gold_category_metrics", ROWS * 2)
    audit_log.record(
        settings, "query", ["gold_category_metrics"], role="viewer", statement="FROM\n  x", error="refused"
    )
    found = events()
    assert list(found["at"]) == sorted(found["at"], reverse=True)
    newest, write = found.iloc[0], found.iloc[1]
    assert (newest["action"], newest["role"], newest["notes"]) == ("query", "viewer", "FROM x; error: refused")
    assert (write["version"], write["written"], write["recorded_in"]) == (1, 2, "table")
    put(settings, "gold_category_metrics", ROWS)
    assert list(events()["version"][:1]) == [2]


def test_page_filters_by_action_and_gives_a_csv(settings: Settings):
    put(settings, "gold_category_metrics", ROWS)
    audit_log.record(settings, "query", ["gold_category_metrics", "silver_orders"], statement="FROM x")
    app = shown("audit")
    assert len(app.dataframe[0].value) == 2
    app.multiselect(key="actions").select("query")
    assert list(rerun(app).dataframe[0].value["action"]) == ["query"]
    app.multiselect(key="tables").select("silver_orders")
    assert len(rerun(app).dataframe[0].value) == 1
    app.multiselect(key="actions").set_value(["write"])
    assert "No event fits" in said(rerun(app))
    assert app.get("download_button")


def test_filters():
    def event(action: str, table: str, who: str, day: int) -> dict[str, object]:
        return {"at": datetime(2026, 1, day, 23, 59, tzinfo=UTC), "action": action, "tables": [table], "who": who}

    rows = [event("write", "a", "ann", 1), event("query", "b", "bob", 2), event("write", "b", "ann", 3)]
    found = pd.DataFrame(rows, columns=pd.Index(COLUMNS))

    def kept(**asked) -> list[int]:
        return list(filtered(found, **({"tables": [], "actions": [], "users": [], "days": ()} | asked)).index)

    assert kept() == [0, 1, 2]
    assert kept(tables=["b"]) == [1, 2]
    assert kept(actions=["write"], tables=["b"]) == [2]
    assert kept(users=["bob"]) == [1]
    assert kept(days=(date(2026, 1, 2), date(2026, 1, 3))) == [1, 2]
    # A range whose end is not chosen yet keeps all.
    assert kept(days=(date(2026, 1, 2),)) == [0, 1, 2]


def test_role_that_may_not_read_the_log_sees_the_tables_versions(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    put(settings, "gold_category_metrics", ROWS)
    audit_log.record(settings, "query", ["gold_category_metrics"], statement="FROM x")
    monkeypatch.setenv("OLIST_ROLE", "marketing")
    app = shown("audit")
    assert list(app.dataframe[0].value["action"]) == ["write"]
    assert "audit_log could not be read" in said(app)
