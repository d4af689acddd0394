"""Who read or changed what, and when: an append-only Delta table, written without a JVM.

It stands beside the layers (<warehouse>/audit/audit_log) and is nobody's asset: what made it is each entry itself.
Ids in the text of a query are kept as the tokens that masking makes of them: what can never be deleted must hold
nobody's id. Other words of a query are kept as they are.
"""

import getpass
import re
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.errors import OlistError
from olist_assets.governance import masking
from olist_assets.lakehouse.locks import table_lock
from olist_assets.lakehouse.object_store import open_delta, storage_options, store_errors
from olist_assets.settings import Settings

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
# Appends are small files: those of a week may still be read by somebody.
KEPT = timedelta(days=7)


class NotAudited(OlistError):
    """The audit log cannot be written to."""


def path(settings: Settings) -> Path:
    """Where the audit log lies."""
    return settings.warehouse_path / "audit" / NAME


def record(
    settings: Settings,
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

    `rows` are those read or written, `error` says why it failed.
    """
    told = {"role": role, "run_id": run_id, "statement": statement, "rows": rows, "seconds": seconds, "error": error}
    append(settings, [entry(settings, action, tables, **told)])


def entry(settings: Settings, action: str, tables: Sequence[str], **told: Any) -> dict[str, Any]:
    """An entry of now for `append`; `told` are the other columns that `record` names."""
    by = f"{getpass.getuser()}@{socket.gethostname()}"
    texts = {name: _without_ids(settings, told.get(name)) for name in ("statement", "error")}
    return {"at": datetime.now(UTC), "action": action, "by": by, "tables": list(tables), **told, **texts}


def append(settings: Settings, entries: Sequence[dict[str, Any]]) -> None:
    """Append entries by one commit. Raises NotAudited."""
    where = path(settings)
    try:
        # Two processes may make the table at once, and on a local disk one commit could be lost.
        with table_lock(where, settings.lock_timeout, "audit"):
            write_deltalake(
                str(where),
                pa.Table.from_pylist(list(entries), SCHEMA),
                mode="append",
                name=NAME,
                configuration={"delta.appendOnly": "true"},
                storage_options=storage_options(where),
                commit_properties=CommitProperties(max_commit_retries=20),
            )
    except (DeltaError, OSError, OlistError, *store_errors()) as refused:
        first = entries[0]
        raise NotAudited(
            f"Not in the audit log ({where}): {first['action']} of {', '.join(first['tables']) or 'nothing'}: {refused}"
        ) from refused


def record_read(settings: Settings, action: str, tables: Sequence[str], *, role: str | None, **said: Any) -> None:
    """As `record`. Raises NotAudited where a role reads; else the file system allows it, and a warning is enough.

    Where there is no warehouse nothing was read: a slip in its name must not make one.
    """
    if not settings.warehouse_path.exists():
        return
    if role:
        record(settings, action, tables, role=role, **said)
    else:
        record_or(warn, settings, action, tables, **said)


def record_or(
    tell: Callable[[str], object], settings: Settings, action: str, tables: Sequence[str], **said: Any
) -> None:
    """As `record`, of what has been done already: where it cannot be written, `tell` hears so."""
    try:
        record(settings, action, tables, **said)
    except NotAudited as error:
        tell(str(error))


def warn(text: str) -> None:
    """Say on standard error what the audit log lacks."""
    sys.stderr.write(f"Warning: {text}\n")


def opened(settings: Settings) -> DeltaTable | None:
    """The log; None where nothing was ever entered."""
    try:
        return open_delta(path(settings))
    except TableNotFoundError:
        return None


def latest(settings: Settings, limit: int, conditions: dict[str, str]) -> list[dict[str, Any]]:
    """The newest entries, newest first, whose `table`, `action` or `user` is as asked."""
    log = opened(settings)
    if log is None:
        return []
    tests = {
        "table": "list_contains(tables, $table)",
        "action": "action = $action",
        "user": "split_part(\"by\", '@', 1) = $user",
    }
    where = " AND ".join(tests[name] for name in conditions) or "true"
    with lakehouse.connection({NAME: log}) as con:
        query = f'FROM {NAME} WHERE {where} ORDER BY "at" DESC LIMIT {limit}'
        return con.sql(query, params=conditions).to_arrow_table().to_pylist()


def compact(settings: Settings) -> tuple[int, int] | None:
    """Join its small files, and remove those that a week has not needed; files before and after, None without a log."""
    log = opened(settings)
    if log is None:
        return None
    with table_lock(path(settings), settings.lock_timeout, "audit"):
        log.update_incremental()
        before = len(log.file_uris())
        log.optimize.compact()
        log.vacuum(retention_hours=int(KEPT.total_seconds() // 3600), dry_run=False)
        log.create_checkpoint()
        log.cleanup_metadata()
    return before, len(log.file_uris())


def _without_ids(settings: Settings, text: str | None) -> str | None:
    if text is None or not ID.search(text):
        return text
    secret = masking.secret(settings) if settings.mask_salt else None
    return ID.sub(lambda found: masking.token(secret, found[0].lower()) if secret else HIDDEN_ID, text)
