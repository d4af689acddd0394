"""Who read or changed what, and when: an append-only Delta table, written without a JVM.

It stands beside the layers (<warehouse>/audit/audit_log) and is nobody's asset: what made it is each entry itself.
"""

import getpass
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from olist_assets.object_store import storage_options
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
    append(settings, [entry(action, tables, **told)])


def entry(action: str, tables: Sequence[str], **told: object) -> dict[str, object]:
    """An entry of now for `append`; `told` are the other columns that `record` names."""
    by = f"{getpass.getuser()}@{socket.gethostname()}"
    return {"at": datetime.now(UTC), "action": action, "by": by, "tables": list(tables), **told}


def append(settings: Settings, entries: Sequence[dict[str, object]]) -> None:
    """Append entries by one commit."""
    where = path(settings)
    write_deltalake(
        str(where),
        pa.Table.from_pylist(list(entries), SCHEMA),
        mode="append",
        name=NAME,
        configuration={"delta.appendOnly": "true"},
        storage_options=storage_options(where),
        # Two processes may make the table at once.
        commit_properties=CommitProperties(max_commit_retries=20),
    )
