"""The audit log keeps every entry, also those of processes that write at once, and refuses to lose one."""

import subprocess
import sys

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from olist_assets.governance import audit_log
from olist_assets.governance.audit_log import NotAudited

PROCESSES, EACH = 8, 2
WRITER = f"""
import sys
from olist_assets.governance import audit_log
from olist_assets.settings import Settings
for at in range({EACH}):
    audit_log.record(Settings(), "query", [], statement=f"{{sys.argv[1]}}/{{at}}")
"""
ID = "0123456789abcdef0123456789abcdef"
DONE = 0


def test_eight_processes_that_begin_the_log_at_once_lose_nothing(settings):
    command = [sys.executable, "-W", "ignore", "-c", WRITER]
    running = [subprocess.Popen([*command, str(at)]) for at in range(PROCESSES)]
    assert [process.wait(timeout=300) for process in running] == [DONE] * PROCESSES
    found = {entry["statement"] for entry in audit_log.latest(settings, 100, {})}
    assert found == {f"{process}/{at}" for process in range(PROCESSES) for at in range(EACH)}


def test_what_is_written_cannot_be_deleted_or_overwritten(settings):
    audit_log.record(settings, "query", ["gold_daily_metrics"])
    log = DeltaTable(str(audit_log.path(settings)))
    with pytest.raises(DeltaError):
        log.delete()
    with pytest.raises(DeltaError):
        write_deltalake(log, pa.Table.from_pylist([], audit_log.SCHEMA), mode="overwrite")
    assert len(audit_log.latest(settings, 10, {})) == 1


def test_upkeep_joins_its_small_files_and_keeps_every_entry(settings):
    assert audit_log.compact(settings) is None
    for at in range(4):
        audit_log.record(settings, "query", [], statement=str(at))
    assert audit_log.compact(settings) == (4, 1)
    assert [entry["statement"] for entry in audit_log.latest(settings, 10, {})] == ["3", "2", "1", "0"]


def test_ids_are_kept_as_tokens_or_not_at_all(settings, monkeypatch):
    audit_log.record(settings, "query", [], statement=f"... = '{ID.upper()}'", error=f"near {ID}")
    (entry,) = audit_log.latest(settings, 1, {})
    assert (entry["statement"], entry["error"]) == ("... = 'an-id-not-kept'", "near an-id-not-kept")


def test_a_log_that_cannot_be_written_says_what_it_lacks(settings):
    settings.warehouse_path.mkdir(parents=True)
    (settings.warehouse_path / "audit").write_text("")
    with pytest.raises(NotAudited, match="write of gold_daily_metrics"):
        audit_log.record(settings, "write", ["gold_daily_metrics"])
    told: list[str] = []
    audit_log.record_or(told.append, settings, "write", ["gold_daily_metrics"])
    assert len(told) == 1


def test_every_write_of_a_run_is_in_the_log(finished):
    entries = audit_log.latest(finished.settings, 1000, {"action": "write"})
    written = {
        name: entry["rows"] for entry in entries for name in entry["tables"] if entry["run_id"] == entries[-1]["run_id"]
    }
    assert written == finished.report.rows


def test_the_command_shows_the_newest_and_filters(olist, settings):
    assert olist("audit")[0] == DONE
    audit_log.record(settings, "query", ["gold_daily_metrics"], role="analyst", rows=7, statement="FROM\n  x")
    audit_log.record(settings, "write", ["silver_orders"], run_id="0123456789abcdef", rows=1000, seconds=1.5)
    code, text = olist("audit")
    assert code == DONE
    newest, oldest = text.strip().splitlines()[1:]
    assert "write" in newest
    assert "1,000" in newest
    assert "01234567 " in newest
    assert "FROM x" in oldest
    assert "analyst" in olist("audit", "--table", "gold_daily_metrics")[1]
    assert "silver_orders" not in olist("audit", "--action", "query")[1]
    assert "silver_orders" not in olist("audit", "--user", "somebody-else")[1]
    assert olist("audit", "--format", "csv", "--limit", "1")[1].splitlines()[1].split(",")[1] == "write"
