"""Who read or changed what, and when: an append-only Delta table, written without an engine.

It is beside the layers (<warehouse>/audit/audit_log) and no asset. Its entries are a hash chain, and their texts have
no ids: see `audit_chain` and `audit_text`. `audit_store` is how they are stored.
"""

import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from olist_assets.contracts.quoting import identifier
from olist_assets.errors import OlistError
from olist_assets.governance import audit_chain, audit_text
from olist_assets.governance.audit_chain import Entry, Head
from olist_assets.governance.audit_store import NAME, SCHEMA, AuditStore, path
from olist_assets.governance.query_process import LimitReached
from olist_assets.governance.roles import Denied
from olist_assets.lakehouse.object_store import store_errors
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.user import real_user

ASKED, ANSWERED, FAILED, REFUSED, LIMIT, INTERRUPTED = (
    "asked", "answered", "failed", "refused", "limit", "interrupted",
)  # fmt: skip
LIMITS = (LimitReached, duckdb.OutOfMemoryException, duckdb.InterruptException)
REDACTED = "redacted"
UNREDACTED = {"action", "outcome", "chain"}


class NotAudited(OlistError):
    """The audit log cannot be written to."""


@dataclass
class Reading:
    """What is known of a reading when it is done."""

    rows: int | None = None


def record(
    warehouse: Warehouse,
    action: str,
    tables: Sequence[str],
    *,
    role: str | None = None,
    run_id: str | None = None,
    statement: str | None = None,
    rows: int | None = None,
    seconds: float | None = None,
    error: str | None = None,
    outcome: str | None = None,
    asked: int | None = None,
) -> int:
    """Append an entry: `action` (query, write, restore, maintain, forget, ...) on `tables`, by this process's user.

    `rows` counts rows read or written; `error` is the class of a failure, as by `audit_text.described_error`;
    `statement` is no text of a user, but as by `audit_text.described`. Returns the entry's number. Raises NotAudited.
    """
    fields = {
        "role": role, "run_id": run_id, "statement": statement, "rows": rows, "seconds": seconds, "error": error,
        "outcome": outcome, "asked": asked,
    }  # fmt: skip
    return append(warehouse, [entry(warehouse, action, tables, **fields)])


def entry(warehouse: Warehouse, action: str, tables: Sequence[str], **fields: Any) -> Entry:
    """An entry with the current timestamp for `append`; `fields` are the other columns that `record` names."""
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    by = f"{real_user()}@{socket.gethostname()}"
    found = {"at": at, "action": action, "by": by, "tables": list(tables), **fields}
    # A run's id is Dagster's own and looks like that of a customer.
    return {name: value if name == "run_id" else _kept(warehouse, value) for name, value in found.items()}


def _kept(warehouse: Warehouse, value: Any) -> Any:
    if isinstance(value, list):
        return [_kept(warehouse, item) for item in value]
    return audit_text.kept(warehouse.settings, value) if isinstance(value, str) else value


def append(warehouse: Warehouse, entries: Sequence[Entry]) -> int:
    """Append entries and return the number of the last. Raises NotAudited."""
    where = path(warehouse)
    try:
        with warehouse.lock(where, "audit"):
            return AuditStore(warehouse).append(entries)
    except (DeltaError, OSError, OlistError, pa.ArrowException, *store_errors()) as refused:
        first = entries[0]
        raise NotAudited(
            f"Not in the audit log ({where}): {first['action']} of {', '.join(first['tables']) or 'nothing'}: {refused}"
        ) from refused


@contextmanager
def audited(
    warehouse: Warehouse, action: str, tables: Sequence[str], *, role: str | None = None, statement: str | None = None
) -> Iterator[Reading]:
    """Log a reading before it begins, and its outcome when the block ends, also by an error.

    A role gets no answer that cannot be logged: raises NotAudited. Without a role, where file permissions decide, a
    warning is enough. If the warehouse does not exist there is nothing to read, and a typing error in its name must not
    create it.
    """
    reading, started, fields = Reading(), time.monotonic(), {"role": role, "statement": statement}

    def log(report: Callable[[str], object] | None, **more: Any) -> int | None:
        if not warehouse.root.exists():
            return None
        if report is None:
            return record(warehouse, action, tables, **fields, **more)
        return record_or(report, warehouse, action, tables, **fields, **more)

    asked = log(None if role else warn, outcome=ASKED)
    try:
        yield reading
    except BaseException as error:
        seconds, text = time.monotonic() - started, audit_text.described_error(error)
        log(warn, outcome=_outcome(error), error=text, seconds=seconds, asked=asked)
        raise
    log(None if role else warn, outcome=ANSWERED, rows=reading.rows, seconds=time.monotonic() - started, asked=asked)


def _outcome(error: BaseException) -> str:
    if not isinstance(error, Exception):
        return INTERRUPTED
    if isinstance(error, Denied):
        return REFUSED
    return LIMIT if isinstance(error, LIMITS) or isinstance(error.__cause__, LIMITS) else FAILED


def record_or(
    report: Callable[[str], object], warehouse: Warehouse, action: str, tables: Sequence[str], **fields: Any
) -> int | None:
    """As `record`, for an action that is already done: if it cannot be logged, `report` is called with the reason."""
    try:
        return record(warehouse, action, tables, **fields)
    except NotAudited as error:
        report(str(error))
        return None


def warn(text: str) -> None:
    """Print on standard error what could not be logged."""
    sys.stderr.write(f"Warning: {text}\n")


def latest(warehouse: Warehouse, limit: int, conditions: dict[str, str]) -> list[Entry]:
    """The newest entries, newest first, that match the conditions on `table`, `action` and `user`.

    That something was asked is one of them as long as the log has no outcome of it. Raises OlistError.
    """
    tests = {
        "table": "list_contains(tables, $table)",
        "action": "action = $action",
        "user": "split_part(\"by\", '@', 1) = $user",
    }
    is_open = f"number NOT IN (SELECT asked FROM {NAME} WHERE asked IS NOT NULL)"
    where = " AND ".join([f"(outcome IS DISTINCT FROM '{ASKED}' OR {is_open})", *(tests[name] for name in conditions)])
    columns = ", ".join(map(identifier, SCHEMA.names))
    with _readable(warehouse), AuditStore(warehouse).connection() as con:
        query = f'SELECT {columns} FROM {NAME} WHERE {where} ORDER BY "at" DESC, number DESC LIMIT {limit}'
        return con.sql(query, params=conditions).to_arrow_table().to_pylist()


@contextmanager
def _readable(warehouse: Warehouse) -> Iterator[None]:
    """Raises OlistError for a log whose files are damaged, in place of the error of a library."""
    try:
        yield
    except (DeltaError, OSError, duckdb.Error) as error:
        raise OlistError(f"The audit log cannot be read ({path(warehouse)}): {str(error).splitlines()[0]}") from error


def compact(warehouse: Warehouse) -> tuple[int, int] | None:
    """Join small files and remove those unused for a week; the number of files before and after, None without a log."""
    store = AuditStore(warehouse)
    if store.opened() is None and store.head() is None:
        return None
    with warehouse.lock(path(warehouse), "audit"):
        store.fold()
        return store.join()


@dataclass(frozen=True)
class Verified:
    """The number of entries, how many were made without a secret, the end of their chain, and what is wrong with it."""

    entries: int
    unkeyed: int
    head: Head
    problems: tuple[str, ...]

    def described(self) -> str:
        """One line about an intact log, with the hash to compare with a copy that is kept elsewhere."""
        if not self.entries:
            return "The audit log has no entry yet."
        without = f", {self.unkeyed:,} of them made without OLIST_MASK_SALT" if self.unkeyed else ""
        return f"{self.entries:,} entries are intact{without}; the head is {self.head.number} {self.head.chain}"


def verify(warehouse: Warehouse) -> Verified:
    """Whether any entry was changed, removed, inserted or moved. Raises OlistError without the secret of the chain.

    A log with damaged files cannot be read: raises OlistError, too.
    """
    store = AuditStore(warehouse)
    with _readable(warehouse):
        # The head first: a process that writes at the same time may then be ahead of it, but not behind.
        head = store.head()
        entries = store.read()
    problems = tuple(audit_chain.problems(entries, head, store.key))
    unkeyed = sum(not audit_chain.is_keyed(entry) for entry in entries)
    return Verified(len(entries), unkeyed, head or Head(), problems)


def redact(warehouse: Warehouse, texts: Sequence[str], reason: str = "erasure of a customer") -> int:
    """Remove texts, whatever their case, from all entries and old files; returns the number of entries that had one.

    The remaining entries get a new chain, after the last of them an entry that says who made it, why, what the old one
    ended with, and what was wrong with the old one.
    """
    if not warehouse.root.exists():
        return 0
    with warehouse.lock(path(warehouse), "audit"), _readable(warehouse):
        store = AuditStore(warehouse)
        if not (entries := store.read()):
            return 0
        pattern = re.compile("|".join(map(re.escape, texts)), re.IGNORECASE) if texts else None
        cleaned = [_redacted(found, pattern) for found in entries]
        changed = sum(new != old for new, old in zip(cleaned, entries, strict=True))
        wrong = [*audit_chain.problems(entries, store.head(), store.key)]
        before = (store.head() or Head()).chain
        note = f"{changed} of {len(entries)} entries: {reason}. The chain before ended with {before or 'nothing'}"
        note += f". It was not intact: {wrong[0]}" if wrong else ""
        done = entry(warehouse, "redact", []) | {"statement": note, "rows": changed, "outcome": ANSWERED}
        store.replace(audit_chain.linked([*cleaned, done], Head(), store.key))
        return changed


def _redacted(found: Entry, pattern: re.Pattern[str] | None) -> Entry:
    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(item) for item in value]
        return pattern.sub(REDACTED, value) if pattern and isinstance(value, str) else value

    return {name: value if name in UNREDACTED else clean(value) for name, value in found.items()}
