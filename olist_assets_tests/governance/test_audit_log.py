"""The audit log keeps every entry, also those of processes that write at once, and refuses to lose one."""

import os
import subprocess
import sys
from collections.abc import Callable

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from olist_assets.governance import audit_log, audit_store, masking
from olist_assets.governance.audit_log import NotAudited
from olist_assets.governance.audit_store import AuditStore
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun, environment
from olist_assets_tests.governance.conftest import SECRET

PROCESSES, EACH = 8, 2
WRITER = f"""
import sys
from olist_assets.catalog import catalog
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
warehouse = Warehouse(Settings(), catalog())
for at in range({EACH}):
    audit_log.record(warehouse, "query", [], statement=f"{{sys.argv[1]}}/{{at}}")
"""
ID = "0123456789abcdef0123456789abcdef"
DONE = 0


def test_eight_processes_that_create_the_log_at_once_lose_nothing(settings: Settings, warehouse: Warehouse):
    command = [sys.executable, "-W", "ignore", "-c", WRITER]
    env = os.environ | environment(settings)
    running = [subprocess.Popen([*command, str(at)], env=env) for at in range(PROCESSES)]
    assert [process.wait(timeout=300) for process in running] == [DONE] * PROCESSES
    found = [entry["statement"] for entry in audit_log.latest(warehouse, 100, {})]
    assert audit_log.verify(warehouse).problems == ()
    assert sorted(found) == sorted(f"{process}/{at}" for process in range(PROCESSES) for at in range(EACH))


def test_entries_cannot_be_deleted_or_overwritten(warehouse: Warehouse):
    audit_log.record(warehouse, "query", ["gold_daily_metrics"])
    audit_log.compact(warehouse)
    log = DeltaTable(str(audit_log.path(warehouse)))
    with pytest.raises(DeltaError):
        log.delete()
    with pytest.raises(DeltaError):
        write_deltalake(log, pa.Table.from_pylist([], audit_store.SCHEMA), mode="overwrite")
    assert len(audit_log.latest(warehouse, 10, {})) == 1


@pytest.fixture
def a_commit_per_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_store, "MAX_WAITING", 1)


@pytest.mark.usefixtures("a_commit_per_entry")
def test_upkeep_joins_small_files_and_keeps_every_entry(warehouse: Warehouse):
    assert audit_log.compact(warehouse) is None
    for at in range(4):
        audit_log.record(warehouse, "query", [], statement=str(at))
    assert audit_log.compact(warehouse) == (4, 1)
    assert [entry["statement"] for entry in audit_log.latest(warehouse, 10, {})] == ["3", "2", "1", "0"]


@pytest.mark.usefixtures("a_commit_per_entry")
def test_a_growing_log_joins_its_files(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_store, "MAX_FILES", 3)
    for at in range(8):
        audit_log.record(warehouse, "query", [], statement=str(at))
    log = AuditStore(warehouse).opened()
    assert log is not None
    assert len(log.file_uris()) <= 3
    assert [entry["statement"] for entry in audit_log.latest(warehouse, 10, {})] == list("76543210")
    assert audit_log.verify(warehouse).problems == ()


def test_entries_wait_for_a_commit_and_are_read_with_the_others(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_store, "MAX_WAITING", 3)
    for at in range(4):
        audit_log.record(warehouse, "query", [], statement=str(at))
    log = AuditStore(warehouse).opened()
    assert log is not None
    assert log.to_pyarrow_table()["statement"].to_pylist() == ["0", "1", "2"]
    assert [entry["statement"] for entry in audit_log.latest(warehouse, 10, {})] == ["3", "2", "1", "0"]


@pytest.mark.usefixtures("a_commit_per_entry")
def test_several_entries_are_one_commit(warehouse: Warehouse):
    entries = [audit_log.entry(warehouse, "write", [name], rows=7) for name in ("silver_orders", "gold_daily_metrics")]
    audit_log.append(warehouse, entries)
    log = AuditStore(warehouse).opened()
    assert log is not None
    assert (log.version(), log.to_pyarrow_table()["rows"].to_pylist()) == (0, [7, 7])


def test_ids_are_replaced_by_tokens_or_removed_without_a_secret(warehouse: Warehouse, secret_warehouse: Warehouse):
    statement, error = f"... = '{ID.upper()}'", f"near {ID}"
    audit_log.record(warehouse, "query", [], statement=statement, error=error)
    (entry,) = audit_log.latest(warehouse, 1, {})
    assert (entry["statement"], entry["error"]) == ("... = 'an-id-not-kept'", "near an-id-not-kept")
    audit_log.record(secret_warehouse, "query", [], statement=statement, error=error)
    (entry,) = audit_log.latest(warehouse, 1, {})
    token = masking.token(SECRET.encode(), ID)
    assert (entry["statement"], entry["error"]) == (f"... = '{token}'", f"near {token}")


def test_a_log_that_cannot_be_written_is_an_error_that_names_the_lost_entry(warehouse: Warehouse):
    warehouse.root.mkdir(parents=True)
    (warehouse.root / "audit").write_text("")
    with pytest.raises(NotAudited, match="write of gold_daily_metrics"):
        audit_log.record(warehouse, "write", ["gold_daily_metrics"])
    reported: list[str] = []
    audit_log.record_or(reported.append, warehouse, "write", ["gold_daily_metrics"])
    (text,) = reported
    assert "write of gold_daily_metrics" in text


def test_every_write_of_a_run_is_in_the_log(finished: FinishedRun):
    entries = audit_log.latest(finished.warehouse, 1000, {"action": "write"})
    assert {entry["run_id"] for entry in entries} == {finished.report.run_id}
    assert {name: entry["rows"] for entry in entries for name in entry["tables"]} == finished.report.rows


def test_the_command_shows_the_newest_and_filters(olist: Callable, warehouse: Warehouse):
    assert olist("audit")[0] == DONE
    run_id = "0123456789abcdef"
    audit_log.record(warehouse, "query", ["gold_daily_metrics"], role="analyst", rows=7, statement="FROM\n  x")
    audit_log.record(warehouse, "write", ["silver_orders"], run_id=run_id, rows=1000, seconds=1.5)
    code, text = olist("audit")
    assert code == DONE
    _, newest, oldest = text.strip().splitlines()
    assert "write" in newest
    assert "1,000" in newest
    assert "01234567 " in newest
    assert run_id not in newest
    assert "FROM\\n  x" in oldest
    assert "analyst" in olist("audit", "--table", "gold_daily_metrics")[1]
    assert "silver_orders" not in olist("audit", "--action", "query")[1]
    assert "silver_orders" not in olist("audit", "--user", "somebody-else")[1]
    assert olist("audit", "--format", "csv", "--limit", "1")[1].splitlines()[1].split(",")[1] == "write"


def test_entries_are_filtered_by_the_user(warehouse: Warehouse):
    audit_log.record(warehouse, "query", [])
    (entry,) = audit_log.latest(warehouse, 10, {})
    user = entry["by"].split("@")[0]
    assert len(audit_log.latest(warehouse, 10, {"user": user})) == 1
    assert audit_log.latest(warehouse, 10, {"user": "somebody-else"}) == []


def test_reading_does_not_create_a_warehouse_that_does_not_exist(warehouse: Warehouse):
    with audit_log.audited(warehouse, "query", [], role="analyst"):
        pass
    assert not warehouse.root.exists()
    assert audit_log.latest(warehouse, 10, {}) == []
