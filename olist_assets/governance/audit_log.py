"""Who read or changed what, and when: an append-only Delta table, written without an engine.

It is beside the layers (<warehouse>/audit/audit_log) and no asset. Ids in the text of a query are stored as masking's
tokens, since entries can never be deleted and must not contain anybody's id. Other words of a query are stored as they
are.
"""

import getpass
import json
import re
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json as pa_json
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.lakehouse.object_store import open_delta, store_errors, write_delta
from olist_assets.lakehouse.reader_features import require_plain_files
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
    ]
)
ID = re.compile(r"\b[0-9a-f]{32}\b", re.IGNORECASE)
HIDDEN_ID = "an-id-not-kept"
# Every append is a small file; a reader may still need those of the last week.
KEPT = timedelta(days=7)


class NotAudited(OlistError):
    """The audit log cannot be written to."""


def path(warehouse: Warehouse) -> Path:
    """The folder of the audit log."""
    return warehouse.root / "audit" / NAME


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
) -> None:
    """Append an entry: `action` (query, write, restore, maintain, forget, ...) on `tables`, by this machine's user.

    `rows` counts rows read or written; `error` is the reason of a failure.
    """
    fields = {"role": role, "run_id": run_id, "statement": statement, "rows": rows, "seconds": seconds, "error": error}
    append(warehouse, [entry(warehouse, action, tables, **fields)])


def entry(warehouse: Warehouse, action: str, tables: Sequence[str], **fields: Any) -> dict[str, Any]:
    """An entry with the current timestamp for `append`; `fields` are the other columns that `record` names."""
    by = f"{getpass.getuser()}@{socket.gethostname()}"
    texts = {name: _without_ids(warehouse, fields.get(name)) for name in ("statement", "error")}
    return {"at": datetime.now(UTC), "action": action, "by": by, "tables": list(tables), **fields, **texts}


def append(warehouse: Warehouse, entries: Sequence[dict[str, Any]]) -> None:
    """Append entries by one commit. Raises NotAudited."""
    where = path(warehouse)
    try:
        # Two processes may create the table at once, and on a local disk a commit could be lost.
        with warehouse.lock(where, "audit"):
            write_delta(
                where,
                _rows(entries),
                mode="append",
                name=NAME,
                configuration={"delta.appendOnly": "true"},
                commit_properties=CommitProperties(max_commit_retries=20),
            )
    except (DeltaError, OSError, OlistError, *store_errors()) as refused:
        first = entries[0]
        raise NotAudited(
            f"Not in the audit log ({where}): {first['action']} of {', '.join(first['tables']) or 'nothing'}: {refused}"
        ) from refused


def _rows(entries: Sequence[dict[str, Any]]) -> pa.Table:
    """Entries as Arrow, by way of JSON: `Table.from_pylist` imports pandas, a fifth of the time of `olist sql`."""
    lines = "\n".join(json.dumps(entry, default=str) for entry in entries).encode()
    # A block has to hold the longest statement.
    options = pa_json.ReadOptions(block_size=len(lines) + 1)
    schema = pa_json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error")
    return pa_json.read_json(pa.BufferReader(lines), options, schema).cast(SCHEMA)


def record_read(warehouse: Warehouse, action: str, tables: Sequence[str], *, role: str | None, **fields: Any) -> None:
    """As `record`. Raises NotAudited if a role reads; without a role a warning is enough.

    If the warehouse does not exist nothing was read, and a typing error in its name must not create it.
    """
    if not warehouse.root.exists():
        return
    if role:
        record(warehouse, action, tables, role=role, **fields)
    else:
        record_or(warn, warehouse, action, tables, **fields)


def record_or(
    report: Callable[[str], object], warehouse: Warehouse, action: str, tables: Sequence[str], **fields: Any
) -> None:
    """As `record`, for an action that is already done: if it cannot be logged, `report` is called with the reason."""
    try:
        record(warehouse, action, tables, **fields)
    except NotAudited as error:
        report(str(error))


def warn(text: str) -> None:
    """Print on standard error what could not be logged."""
    sys.stderr.write(f"Warning: {text}\n")


def opened(warehouse: Warehouse) -> DeltaTable | None:
    """The log; None if it has no entry yet."""
    try:
        return open_delta(path(warehouse))
    except TableNotFoundError:
        return None


def latest(warehouse: Warehouse, limit: int, conditions: dict[str, str]) -> list[dict[str, Any]]:
    """The newest entries, newest first, that match the conditions on `table`, `action` and `user`."""
    log = opened(warehouse)
    if log is None:
        return []
    tests = {
        "table": "list_contains(tables, $table)",
        "action": "action = $action",
        "user": "split_part(\"by\", '@', 1) = $user",
    }
    where = " AND ".join(tests[name] for name in conditions) or "true"
    with warehouse.sql({NAME: log}) as con:
        query = f'FROM {NAME} WHERE {where} ORDER BY "at" DESC LIMIT {limit}'
        return con.sql(query, params=conditions).to_arrow_table().to_pylist()


def compact(warehouse: Warehouse) -> tuple[int, int] | None:
    """Join small files and remove those unused for a week; the number of files before and after, None without a log."""
    log = opened(warehouse)
    if log is None:
        return None
    with warehouse.lock(path(warehouse), "audit"):
        log.update_incremental()
        require_plain_files(log)
        before = len(log.file_uris())
        log.optimize.compact()
        log.vacuum(retention_hours=int(KEPT.total_seconds() // 3600), dry_run=False)
        log.create_checkpoint()
        log.cleanup_metadata()
    return before, len(log.file_uris())


def _without_ids(warehouse: Warehouse, text: str | None) -> str | None:
    if text is None or not ID.search(text):
        return text
    secret = masking.secret(warehouse.settings) if warehouse.settings.mask_salt else None
    return ID.sub(lambda found: masking.token(secret, found[0].lower()) if secret else HIDDEN_ID, text)
