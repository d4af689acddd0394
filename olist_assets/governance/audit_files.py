"""The two small files beside the audit log's table: entries that wait for a commit, and the head of the chain.

A commit per entry would leave two files for each, so entries wait in a file with one line each until there are enough
for a commit. An object store cannot append to a file: there nothing waits.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from olist_assets.governance.audit_chain import Entry, Head

OWNER_ONLY = 0o600


class AuditFiles:
    """The files of one log; who writes them holds its lock."""

    def __init__(self, folder: Path, name: str) -> None:
        self._waiting, self._head = folder / f"{name}.waiting.jsonl", folder / f"{name}.head.json"

    def waiting(self) -> list[Entry]:
        """Entries that the table may not have yet, in order; a line that is no entry is left out."""
        if not isinstance(self._waiting, Path) or not self._waiting.exists():
            return []
        # Without its end, a line is what a killed process left of an entry that it never reported as written.
        lines = self._waiting.read_bytes().split(b"\n")[:-1]
        return [entry for line in lines if (entry := _entry(line))]

    def add(self, entries: Sequence[Entry]) -> None:
        """Add entries in the place of an unfinished line; they are on the disk when this returns."""
        lines = b"".join(json.dumps(entry, default=str).encode() + b"\n" for entry in entries)
        file = os.open(self._waiting, os.O_WRONLY | os.O_APPEND | os.O_CREAT, OWNER_ONLY)
        try:
            written = self._waiting.read_bytes()
            os.ftruncate(file, written.rfind(b"\n") + 1)
            os.write(file, lines)
            os.fsync(file)
        finally:
            os.close(file)

    def clear(self) -> None:
        """Remove the waiting entries, which the table has now."""
        self._waiting.unlink(missing_ok=True)

    def heads(self) -> list[Head]:
        """The head, and the one after a rewrite that was under way; empty without a readable file."""
        try:
            found = json.loads(self._head.read_text())
            return [Head(int(head["number"]), str(head["chain"])) for head in found]
        except (FileNotFoundError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return []

    def set_heads(self, *heads: Head) -> None:
        """Replace the head by one rename."""
        text = json.dumps([{"number": head.number, "chain": head.chain} for head in heads])
        if not isinstance(self._head, Path):
            self._head.write_text(text)
            return
        part = self._head.with_suffix(".part")
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        try:
            os.write(file, text.encode())
            os.fsync(file)
        finally:
            os.close(file)
        part.replace(self._head)


def _entry(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("number"), int) else None
