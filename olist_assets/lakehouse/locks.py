"""One writer a table, across the processes of this machine."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from olist_assets.errors import OlistError
from olist_assets.settings import Settings


@contextmanager
def table_lock(path: Path, timeout: float, purpose: str) -> Iterator[None]:
    """Hold a table while it is changed: on a local disk Delta itself promises nothing between two writers.

    The system releases it when its process dies. Raises OlistError after `timeout` seconds, naming who holds the
    table, and where nothing can be written.
    """
    folder = _folder(path)
    lock, holder = FileLock(folder / f".{path.name}.lock"), folder / f".{path.name}.holder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout)
        since = datetime.now(UTC).strftime("%H:%M:%S")
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()} ({purpose}) since {since} UTC")
    except Timeout as error:
        who = holder.read_text() if holder.exists() else "another process"
        raise OlistError(f"{path.name} is being written by {who}; gave up after {timeout:g} s.") from error
    except OSError as error:
        lock.release()
        raise OlistError(f"Cannot write to the warehouse {folder}: {error.strerror}. Set OLIST_WAREHOUSE.") from error
    try:
        yield
    finally:
        lock.release()


def _folder(path: Path) -> Path:
    """Beside a table on a disk; for one in an object store a folder of this machine, which no other machine sees."""
    if isinstance(path, Path):
        return path.parent
    return Settings().cache / "locks" / hashlib.sha256(str(path.parent).encode()).hexdigest()[:16]
