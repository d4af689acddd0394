"""Every reading is in the audit log before it begins, and its outcome afterwards."""

import os
import subprocess
import sys
from collections.abc import Callable

import duckdb
import pytest

from olist_assets.errors import OlistError
from olist_assets.governance import access, audit_log
from olist_assets.governance.audit_log import NotAudited
from olist_assets.governance.audit_store import AuditStore
from olist_assets.governance.roles import Denied
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets_tests.conftest import environment
from olist_assets_tests.governance.conftest import CUSTOMERS

DONE, WRONG_USE, KILLED = 0, 2, -9


@pytest.fixture
def olist(olist_with: Callable, stored_customers: Warehouse):
    return olist_with(stored_customers.settings)


def newest(warehouse: Warehouse) -> tuple[str, str, str | None]:
    (entry,) = audit_log.latest(warehouse, 1, {})
    return entry["action"], entry["outcome"], entry["error"]


def test_a_query_is_asked_before_it_is_answered(stored_customers: Warehouse):
    access.answer(stored_customers, f"FROM {CUSTOMERS.upper()}")
    asked, answered = AuditStore(stored_customers).read()
    assert (asked["outcome"], asked["asked"], asked["rows"]) == ("asked", None, None)
    assert (answered["outcome"], answered["asked"], answered["rows"]) == ("answered", asked["number"], 2)
    assert asked["tables"] == answered["tables"] == [CUSTOMERS]
    assert asked["statement"] == answered["statement"] == f"FROM {CUSTOMERS.upper()}"
    # Shown once.
    assert len(audit_log.latest(stored_customers, 10, {})) == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(), "interrupted"),
        (Denied("no"), "refused"),
        (OlistError("no"), "failed"),
        (ValueError("no"), "failed"),
        (duckdb.OutOfMemoryException("no"), "limit"),
        (duckdb.InterruptException("no"), "limit"),
    ],
)
def test_the_outcome_is_that_of_the_error(stored_customers: Warehouse, error: BaseException, outcome: str):
    with pytest.raises(type(error)), audit_log.audited(stored_customers, "query", []):
        raise error
    assert newest(stored_customers) == ("query", outcome, type(error).__name__)


def test_a_killed_query_stays_asked(stored_customers: Warehouse):
    script = (
        "import os; from olist_assets.catalog import catalog; from olist_assets.governance import audit_log\n"
        "from olist_assets.lakehouse.warehouse import Warehouse; from olist_assets.settings import Settings\n"
        "with audit_log.audited(Warehouse(Settings(), catalog()), 'query', [], statement='killed'):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    env = os.environ | environment(stored_customers.settings)
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=env, check=False).returncode == KILLED
    assert newest(stored_customers) == ("query", "asked", None)


def test_malformed_refused_and_other_readings_are_logged(olist: Callable, stored_customers: Warehouse):
    for words, logged in (
        (("sql", "FROM"), ("query", "failed", "Parser Error at line 1, column 1")),
        (("sql", "--version", "7", f"FROM {CUSTOMERS}"), ("query", "failed", "OlistError")),
        (("sql", "--version", "0", "SELECT 1"), ("query", "failed", "OlistError")),
        (("sql", "--version", "0", f"FROM {CUSTOMERS}, bronze_customers"), ("query", "failed", "OlistError")),
        (("sql", "--as-of", "2001-01-01", f"FROM {CUSTOMERS}"), ("query", "failed", "NotWrittenYet")),
        (("diff", CUSTOMERS, "0", "7"), ("diff", "failed", "NotWrittenYet")),
    ):
        assert olist(*words)[0] == WRONG_USE, words
        assert newest(stored_customers) == logged, words
    assert olist("diff", CUSTOMERS, "1", "1")[0] == DONE
    assert newest(stored_customers) == ("diff", "answered", None)


def test_an_outcome_that_cannot_be_logged_withholds_the_answer(
    stored_customers: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    append = AuditStore.append

    def only_asked(self: AuditStore, entries: list[dict]) -> int:
        if entries[0]["outcome"] != "asked":
            raise OSError(28, "No space left on device")
        return append(self, entries)

    monkeypatch.setattr(AuditStore, "append", only_asked)
    with pytest.raises(NotAudited, match="No space left"):
        access.answer(stored_customers, f"SELECT count(*) FROM {CUSTOMERS}", role="marketing")
    assert access.answer(stored_customers, f"SELECT count(*) FROM {CUSTOMERS}") is not None


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\u202e", "\u2028", "\x9b1m", "\u2066", "\r", "\x07"])
def test_control_characters_of_older_entries_are_escaped(olist: Callable, stored_customers: Warehouse, text: str):
    audit_log.record(stored_customers, text, [text], role=text, statement=text, error=text)
    for form in ("table", "csv", "json"):
        code, output = olist("audit", "--format", form)
        assert code == DONE
        assert text not in output.replace("\r\n", "").replace("\n", "" if text != "a\nb" else "\n")
        assert text.encode("unicode_escape").decode() in output.replace("\\\\", "\\")
