"""Whatever is changed in the stored audit log is found by `audit --verify`, unless it was made with the secret."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError

from olist_assets.governance import audit_chain, audit_log, audit_store
from olist_assets.governance.audit_chain import Entry, Head
from olist_assets.governance.audit_files import AuditFiles
from olist_assets.governance.audit_store import AuditStore
from olist_assets.lakehouse.object_store import write_delta
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.operations.doctor import examine
from olist_assets.operations.platform import Platform

DONE, FAILED, WRONG_USE = 0, 1, 2
ENTRIES = 6
Change = Callable[[list[Entry]], list[Entry]]


@pytest.fixture(params=["keyed", "plain"])
def log(request: pytest.FixtureRequest, warehouse: Warehouse, secret_warehouse: Warehouse) -> Warehouse:
    """A log of six entries, four in the table and two that wait, with and without a secret."""
    found = secret_warehouse if request.param == "keyed" else warehouse
    fill(found)
    return found


def fill(warehouse: Warehouse) -> None:
    for at in range(ENTRIES):
        audit_log.record(warehouse, "query", [f"table_{at}"], statement=f"statement {at}", rows=at)
        if at == ENTRIES - 3:
            audit_log.compact(warehouse)


def tamper(warehouse: Warehouse, change: Change) -> None:
    """Change the stored entries, as somebody who can write to the folder, and leave the head as it is."""
    head = head_file(warehouse).read_bytes()
    store = AuditStore(warehouse)
    store.replace(change(store.read()))
    head_file(warehouse).write_bytes(head)


def head_file(warehouse: Warehouse) -> Path:
    return audit_store.path(warehouse).parent / "audit_log.head.json"


def waiting_file(warehouse: Warehouse) -> Path:
    return audit_store.path(warehouse).parent / "audit_log.waiting.jsonl"


def changed(at: int, **values: object) -> Change:
    return lambda entries: [entry | values if number == at else entry for number, entry in enumerate(entries)]


def later(entries: list[Entry]) -> list[Entry]:
    return [entry | {"at": entry["at"] + timedelta(seconds=1)} if not at else entry for at, entry in enumerate(entries)]


def swapped(entries: list[Entry]) -> list[Entry]:
    """Two entries with each other's numbers."""
    first, second = entries[1], entries[2]
    return [entries[0], second | {"number": 2}, first | {"number": 3}, *entries[3:]]


def renumbered(entries: list[Entry]) -> list[Entry]:
    """Without the third entry, and no gap in the numbers."""
    return [entry | {"number": at} for at, entry in enumerate([*entries[:2], *entries[3:]], 1)]


CHANGES: dict[str, tuple[Change, str]] = {
    "statement": (changed(2, statement="another"), r"Entry 3 \(query, .*\) was changed"),
    "removed statement": (changed(2, statement=None), "Entry 3 .* was changed"),
    "user": (changed(0, by="somebody@else"), "Entry 1 .* was changed"),
    "rows": (changed(5, rows=1), "Entry 6 .* was changed"),
    "tables": (changed(3, tables=[]), "Entry 4 .* was changed"),
    "outcome": (changed(3, outcome="refused"), "Entry 4 .* was changed"),
    "hash": (changed(3, chain="sha256:00"), "Entry 4 .* was changed"),
    "no hash": (changed(3, chain=None), "Entry 4 .* was changed"),
    "time": (later, "Entry 1 .* was changed"),
    "first removed": (lambda entries: entries[1:], "Entry 1 was removed"),
    "two removed": (lambda entries: entries[:2] + entries[4:], "Entries 3 to 4 were removed"),
    "removed without a gap": (renumbered, "Entry 3 .* was changed"),
    "last removed": (lambda entries: entries[:-1], "Entry 6 was removed from the end"),
    "all but one removed": (lambda entries: entries[:1], "Entries 2 to 6 were removed from the end"),
    "swapped": (swapped, "Entry 2 .* was changed"),
    "copied": (lambda entries: [*entries, entries[1]], "Entry 2 .* was inserted"),
    "inserted": (lambda entries: [*entries, entries[1] | {"statement": "x"}], "Entry 2 .* was inserted"),
    "without a number": (lambda entries: [*entries, entries[1] | {"number": None}], "1 entries have no number"),
    "all without a number": (lambda entries: [entry | {"number": None} for entry in entries], "were removed from the"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found(log: Warehouse, name: str):
    assert audit_log.verify(log).problems == ()
    change, problem = CHANGES[name]
    # The last of a replaced log needs a number and a hash.
    tamper(log, lambda entries: sorted(change(entries), key=lambda entry: entry["number"] or 0))
    assert_found(log, problem)


def assert_found(warehouse: Warehouse, problem: str) -> None:
    problems = audit_log.verify(warehouse).problems
    assert any(re.search(problem, text) for text in problems), problems


def recomputed(key: bytes | None) -> Change:
    """Another statement, and a chain that agrees with it, by somebody with this key."""
    return lambda entries: audit_chain.linked(changed(2, statement="another")(entries), Head(), key)


def test_a_chain_that_is_computed_anew_is_found_by_the_head(warehouse: Warehouse):
    fill(warehouse)
    tamper(warehouse, recomputed(None))
    assert_found(warehouse, "The head is not the hash of entry 6")


@pytest.mark.parametrize("key", [None, audit_chain.key_of(b"another secret of some length")])
def test_a_keyed_chain_cannot_be_computed_anew_without_the_secret(secret_warehouse: Warehouse, key: bytes | None):
    fill(secret_warehouse)
    store = AuditStore(secret_warehouse)
    entries = store.read()
    forged = entries[:2] + audit_chain.linked(entries[2:], audit_chain.head_of(entries[1]), key)
    # With the head, so all that is in the folder.
    store.replace(forged)
    assert_found(secret_warehouse, "Entry 3 .* was (written without OLIST_MASK_SALT|changed)")


def test_a_keyed_chain_cannot_be_verified_without_the_secret(
    olist: Callable, secret_warehouse: Warehouse, warehouse: Warehouse
):
    fill(secret_warehouse)
    code, text = olist("audit", "--verify")
    assert code == WRONG_USE
    assert "set OLIST_MASK_SALT" in text


def test_an_entry_without_the_secret_after_keyed_ones_is_found(secret_warehouse: Warehouse, warehouse: Warehouse):
    audit_log.record(warehouse, "query", [])
    audit_log.record(secret_warehouse, "query", [])
    verified = audit_log.verify(secret_warehouse)
    assert (verified.unkeyed, verified.problems) == (1, ())
    audit_log.record(warehouse, "query", [])
    assert_found(secret_warehouse, "Entry 3 .* was written without OLIST_MASK_SALT")


def test_waiting_entries_are_protected_too(log: Warehouse):
    file = waiting_file(log)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[1] + lines[0])
    assert audit_log.verify(log).problems == ()
    file.write_bytes(lines[0].replace(b"statement 4", b"statement 7") + lines[1])
    assert_found(log, "Entry 5 .* was changed")
    file.write_bytes(lines[1])
    assert_found(log, "Entry 5 was removed")
    file.write_bytes(b"no entry\n" + lines[0])
    assert_found(log, "Entry 6 was removed from the end")
    file.unlink()
    assert_found(log, "Entries 5 to 6 were removed from the end")
    # What comes later does not hide it.
    audit_log.record(log, "query", [])
    assert_found(log, "Entries 5 to 6 were removed")


def test_a_lost_head_is_found_also_later(log: Warehouse):
    head_file(log).unlink()
    assert_found(log, "The file of the head is missing")
    audit_log.record(log, "query", [])
    assert_found(log, "Entry 7 .* restarts the chain")


def test_a_log_from_before_the_chain_is_counted_and_protected(warehouse: Warehouse):
    path = audit_store.path(warehouse)
    old = [audit_log.entry(warehouse, "query", [], statement=str(at)) for at in range(3)]
    columns = audit_store.SCHEMA.names[: audit_store.SCHEMA.names.index("outcome")]
    write_delta(path, audit_store.rows(old).select(columns), configuration={"delta.appendOnly": "true"})
    assert audit_log.verify(warehouse).problems == ()
    number = audit_log.record(warehouse, "query", [], statement="new")
    assert number == 3 + 2
    entries = AuditStore(warehouse).read()
    assert [entry["number"] for entry in entries] == [None, None, None, 4, 5]
    assert entries[3]["action"] == audit_chain.STARTED
    assert entries[3]["statement"].startswith("3 older entries, sha256:")
    audit_log.compact(warehouse)
    assert audit_log.verify(warehouse).problems == ()
    tamper(warehouse, changed(1, statement="another"))
    assert_found(warehouse, "The 3 entries before Entry 4 .* are not those that it counts")


class KilledError(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(step: str) -> Iterator[None]:
    """The process is killed when it comes to a step of AuditFiles."""

    def end(*_: object) -> None:
        raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditFiles, step, end)
        with pytest.raises(KilledError):
            yield


@pytest.mark.parametrize("step", ["set_heads", "clear"])
def test_a_log_whose_writer_was_killed_is_intact_and_goes_on(log: Warehouse, step: str):
    with killed_at(step):
        audit_log.record(log, "query", [], statement="killed")
        audit_log.compact(log)
    assert audit_log.verify(log).problems == ()
    audit_log.record(log, "query", [], statement="next")
    audit_log.compact(log)
    assert [entry["statement"] for entry in audit_log.latest(log, 3, {})] == ["next", "killed", "statement 5"]
    assert audit_log.verify(log).problems == ()


def test_an_unfinished_line_is_no_entry(log: Warehouse):
    with waiting_file(log).open("ab") as file:
        file.write(b'{"number": 7, "acti')
    assert audit_log.verify(log).problems == ()
    assert audit_log.record(log, "query", []) == ENTRIES + 1
    assert audit_log.verify(log).problems == ()


@pytest.mark.parametrize(
    "line",
    [
        b'{"number": 7}',
        b'{"number": 9' + b"0" * 30 + b"}",
        b'{"number": 7, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_line_that_only_looks_like_an_entry_does_no_harm(log: Warehouse, line: bytes):
    with waiting_file(log).open("ab") as file:
        file.write(line + b"\n")
    assert audit_log.verify(log).problems == ()
    assert audit_log.record(log, "query", [], statement="next") == ENTRIES + 1
    audit_log.compact(log)
    assert audit_log.latest(log, 1, {})[0]["statement"] == "next"
    assert audit_log.verify(log).problems == ()


@pytest.mark.parametrize("value", [b'"rows": "many"', b'"tables": "all"', b'"evil": 1', b'"at": "yesterday"'])
def test_an_entry_with_another_type_or_field_counts_as_removed(log: Warehouse, value: bytes):
    file = waiting_file(log)
    first, second = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first.rstrip(b"}\n") + b", " + value + b"}\n" + second)
    assert_found(log, "Entry 5 was removed")
    # The log stays usable.
    audit_log.record(log, "query", [])
    audit_log.compact(log)
    assert_found(log, "Entry 5 was removed")


@pytest.mark.parametrize("pattern", ["audit_log/*.parquet", "audit_log/_delta_log/*"])
def test_a_log_with_damaged_files_cannot_be_verified(
    olist: Callable, warehouse: Warehouse, platform: Platform, pattern: str
):
    fill(warehouse)
    for file in audit_store.path(warehouse).parent.glob(pattern):
        file.write_bytes(b"damaged")
    for command in (["audit", "--verify"], ["audit"]):
        code, text = olist(*command)
        assert code == WRONG_USE
        assert text.startswith("Error: The audit log cannot be read (")
    finding = next(found for found in examine(platform) if found.subject == "audit log")
    assert finding.is_problem


def test_threads_lose_nothing(log: Warehouse, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_store, "MAX_WAITING", 5)
    threads = [threading.Thread(target=audit_log.record, args=(log, "query", [])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verified = audit_log.verify(log)
    assert (verified.entries, verified.problems) == (ENTRIES + 20, ())


def test_the_command_and_doctor_name_the_head_or_the_entry(olist: Callable, warehouse: Warehouse, platform: Platform):
    assert olist("audit", "--verify") == (DONE, "✓ The audit log has no entry yet.\n")
    fill(warehouse)
    head = audit_log.verify(warehouse).head
    code, text = olist("audit", "--verify")
    assert (code, text) == (
        DONE,
        f"✓ 6 entries are intact, 6 of them made without OLIST_MASK_SALT; the head is 6 {head.chain}\n",
    )
    finding = next(found for found in examine(platform) if found.subject == "audit log")
    assert (finding.is_problem, finding.text in text) == (False, True)
    tamper(warehouse, changed(2, by="somebody@else"))
    code, text = olist("audit", "--verify")
    assert code == FAILED
    assert "Entry 3 (query, " in text
    finding = next(found for found in examine(platform) if found.subject == "audit log")
    assert finding.is_problem
    assert "Entry 3 (query, " in finding.text


def test_files_are_those_of_their_user_alone(log: Warehouse):
    assert {file(log).stat().st_mode & 0o777 for file in (head_file, waiting_file)} == {0o600}


def test_redacted_texts_are_in_no_file_and_the_rewrite_is_an_entry(log: Warehouse):
    text = "Statement 2"
    before = audit_log.verify(log).head
    assert audit_log.redact(log, [text]) == 1
    entries = AuditStore(log).read()
    assert entries[2]["statement"] == "redacted"
    last = entries[-1]
    assert (last["action"], last["rows"]) == ("redact", 1)
    assert last["statement"] == f"1 of 6 entries: erasure of a customer. The chain before ended with {before.chain}"
    assert audit_log.verify(log).problems == ()
    log_files = [file for file in audit_store.path(log).parent.rglob("*") if file.is_file()]
    assert not [file for file in log_files if b"tatement 2" in file.read_bytes()]
    assert len([file for file in log_files if file.suffix == ".parquet" and "_delta_log" not in file.parts]) == 1
    audit_log.record(log, "query", [])
    assert audit_log.verify(log).problems == ()
    # Still append-only.
    table = AuditStore(log).opened()
    assert table is not None
    with pytest.raises(DeltaError):
        table.delete()


def test_a_redaction_does_not_hide_an_earlier_change(log: Warehouse):
    tamper(log, changed(2, rows=7))
    audit_log.redact(log, [])
    assert "It was not intact: Entry 3 (query" in AuditStore(log).read()[-1]["statement"]


@pytest.mark.parametrize("step", ["set_heads", "clear"])
def test_a_killed_redaction_leaves_an_intact_log_and_can_be_repeated(log: Warehouse, step: str):
    with killed_at(step):
        audit_log.redact(log, ["statement 2"])
    assert audit_log.verify(log).problems == ()
    audit_log.redact(log, ["statement 2"])
    assert audit_log.verify(log).problems == ()
    assert "statement 2" not in str(AuditStore(log).read())


def test_in_an_object_store_nothing_waits(secret_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    init = AuditStore.__init__

    def in_store(store: AuditStore, warehouse: Warehouse) -> None:
        init(store, warehouse)
        store._in_object_store = True

    monkeypatch.setattr(AuditStore, "__init__", in_store)
    fill(secret_warehouse)
    with killed_at("set_heads"):
        audit_log.record(secret_warehouse, "query", [], statement="killed")
    assert audit_log.verify(secret_warehouse).problems == ()
    assert audit_log.record(secret_warehouse, "query", [], statement="next") == ENTRIES + 2
    assert audit_log.verify(secret_warehouse).problems == ()
    assert not waiting_file(secret_warehouse).exists()
    tamper(secret_warehouse, lambda entries: entries[:-1])
    assert_found(secret_warehouse, "Entry 8 was removed from the end")
