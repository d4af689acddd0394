"""How the audit log is stored: a Delta table, the entries that wait for it, and the head of their chain.

A table alone would need a commit, so two files, per entry, and would become slower with each.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.json as pa_json
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from olist_assets.contracts.quoting import identifier
from olist_assets.governance import audit_chain, audit_text
from olist_assets.governance.audit_chain import Entry, Head
from olist_assets.governance.audit_files import AuditFiles
from olist_assets.lakehouse import delta_log, object_store
from olist_assets.lakehouse.object_store import open_delta, write_delta
from olist_assets.lakehouse.reader_features import require_plain_files
from olist_assets.lakehouse.statistics import file_actions
from olist_assets.lakehouse.warehouse import Warehouse

NAME = "audit_log"
SCHEMA = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("by", pa.string(), nullable=False),
        pa.field("role", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("tables", pa.list_(pa.string()), nullable=False),
        pa.field("statement", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("seconds", pa.float64()),
        pa.field("error", pa.string()),
        # Null in entries from before there was a chain.
        pa.field("outcome", pa.string()),
        pa.field("asked", pa.int64()),
        pa.field("number", pa.int64()),
        pa.field("chain", pa.string()),
    ]
)
# Entries per commit, and files of the table before they are joined; a reader may still need those of the last week.
MAX_WAITING, MAX_FILES = 100, 20
KEPT = timedelta(days=7)


def path(warehouse: Warehouse) -> Path:
    """The folder of the audit log."""
    return warehouse.root / "audit" / NAME


class AuditStore:
    """The stored log of a warehouse; who changes it holds its lock."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse, self._path = warehouse, path(warehouse)
        self._files = AuditFiles(self._path.parent, NAME)
        self._in_object_store = warehouse.settings.is_in_object_store
        self.key = audit_chain.key_of(audit_text.secret(warehouse.settings))

    def append(self, entries: Sequence[Entry]) -> int:
        """Append entries and return the number of the last."""
        head = self.head() or self._start(entries[0])
        added = audit_chain.linked(entries, head, self.key)
        self._add(added)
        self._files.set_heads(audit_chain.head_of(added[-1]))
        if len(self._files.waiting()) >= MAX_WAITING:
            self.fold()
        return added[-1]["number"]

    def head(self) -> Head | None:
        """The end of the chain; None where the log has no readable head.

        A process that was killed before it wrote the head has left entries that follow it: they belong to the log.
        """
        heads = self._files.heads()
        if not heads:
            return None
        head, *rewritten = heads
        newer = self._newer(head) if not rewritten else self.read()
        if rewritten and any(audit_chain.head_of(entry) == rewritten[0] for entry in newer):
            return rewritten[0]
        for entry in newer:
            if audit_chain.follows(entry, head, self.key):
                head = audit_chain.head_of(entry)
        return head

    def _newer(self, head: Head) -> list[Entry]:
        if not self._in_object_store:
            return _after(head.number, self._files.waiting())
        log = self.opened()
        return self.read() if log is not None and _last_number(log) > head.number else []

    def _start(self, first: Entry) -> Head:
        """The head of a new chain before an entry, after one that says what the log had already, if it had anything."""
        if self.opened() is None and not self._files.waiting():
            return Head()
        earlier = self.read()
        numbers = [entry["number"] for entry in earlier if entry["number"]]
        action = audit_chain.RESTARTED if numbers else audit_chain.STARTED
        marker = {"at": first["at"], "by": first["by"], "action": action, "tables": []}
        marker["statement"] = audit_chain.started(earlier, self.key)
        linked = audit_chain.linked([marker], Head(max(numbers, default=len(earlier))), self.key)
        self._add(linked)
        return audit_chain.head_of(linked[0])

    def _add(self, entries: Sequence[Entry]) -> None:
        if self._in_object_store:
            self._commit(entries)
        else:
            self._files.add(entries)

    def _commit(self, entries: Sequence[Entry]) -> None:
        write_delta(
            self._path,
            rows(entries),
            mode="append",
            schema_mode="merge",
            name=NAME,
            configuration={"delta.appendOnly": "true"},
        )

    def fold(self) -> None:
        """Move the waiting entries into the table; an error leaves them where they are."""
        log = self.opened()
        # A process that was killed after its commit has left entries that are in the table already.
        if missing := _after(_last_number(log), self._files.waiting()):
            self._commit(missing)
        self._files.clear()
        if log is not None and len(log.file_uris()) >= MAX_FILES:
            self.join()

    def join(self) -> tuple[int, int] | None:
        """Join the table's files and remove unused ones; their number before and after, None without a table."""
        log = self.opened()
        if log is None:
            return None
        require_plain_files(log)
        before = len(log.file_uris())
        log.optimize.compact()
        log.vacuum(retention_hours=int(KEPT.total_seconds() // 3600), dry_run=False)
        log.create_checkpoint()
        log.cleanup_metadata()
        return before, len(log.file_uris())

    def replace(self, entries: Sequence[Entry]) -> None:
        """Replace all entries by these, which are linked, and remove every older file. Readers at work may fail."""
        head = audit_chain.head_of(entries[-1])
        before = self._files.heads()[:1]
        # If the process ends before the last step, `head` finds out which of both is that of the table.
        self._files.set_heads(*before or [head], head)
        if self.opened():
            self._set_append_only("false")
        write_delta(self._path, rows(entries), mode="overwrite", schema_mode="overwrite", name=NAME)
        self._set_append_only("true")
        self._files.clear()
        self._files.set_heads(head)
        object_store.vacuum(self._path, 0)
        log = open_delta(self._path)
        log.create_checkpoint()
        # Their statistics have the smallest and largest text of each file.
        for file in delta_log.files_before(self._path, log.version()):
            file.unlink()

    def _set_append_only(self, value: str) -> None:
        open_delta(self._path).alter.set_table_properties({"delta.appendOnly": value})

    def opened(self) -> DeltaTable | None:
        """The table, without the waiting entries; None if it does not exist yet."""
        try:
            return open_delta(self._path)
        except TableNotFoundError:
            return None

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session with the view `audit_log` of all entries."""
        # Read before the table is opened: in between they may be moved there, but not back.
        waiting, log = self._files.waiting(), self.opened()
        with self._warehouse.sql({"stored": log} if log else {}) as con:
            con.register("waiting", rows(_after(_last_number(log), waiting)))
            stored = "FROM stored UNION ALL BY NAME " if log else ""
            con.execute(f"CREATE VIEW {NAME} AS {stored}FROM waiting")
            yield con

    def read(self) -> list[Entry]:
        """All entries in the order of their numbers; older ones, without a number, first."""
        with self.connection() as con:
            columns = ", ".join(map(identifier, SCHEMA.names))
            found = con.sql(f'SELECT {columns} FROM {NAME} ORDER BY number NULLS FIRST, "at"')
            return found.to_arrow_table().to_pylist()


def rows(entries: Sequence[Entry]) -> pa.Table:
    """Entries as Arrow, without pandas, whose import takes a fifth of the time of `olist sql`.

    `Table.from_pylist` and `Schema.empty_table` import it.
    """
    if not entries:
        return pa.Table.from_batches([], SCHEMA)
    lines = "\n".join(json.dumps(entry, default=str) for entry in entries).encode()
    # A block has to hold the longest statement.
    options = pa_json.ReadOptions(block_size=len(lines) + 1)
    schema = pa_json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error")
    return pa_json.read_json(pa.BufferReader(lines), options, schema).cast(SCHEMA)


def _after(number: int, waiting: Sequence[Entry]) -> list[Entry]:
    """The waiting entries with a larger number.

    One with other fields or types is none of ours, and must not make the log unreadable: it counts as removed.
    """
    found = [entry for entry in waiting if entry["number"] > number]
    return found if _is_ours(found) else [entry for entry in found if _is_ours([entry])]


def _is_ours(entries: Sequence[Entry]) -> bool:
    try:
        rows(entries)
    except pa.ArrowInvalid:
        return False
    return True


def _last_number(log: DeltaTable | None) -> int:
    """The largest number in the table, from the statistics of its files; 0 without a table."""
    if log is None:
        return 0
    actions = file_actions(log)
    numbers = actions["max.number"].to_pylist() if "max.number" in actions.column_names else []
    return max((number for number in numbers if number is not None), default=0)
