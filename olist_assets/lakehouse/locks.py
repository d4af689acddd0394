"""One writer per table, across the processes of this machine."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from olist_assets.errors import OlistError


@contextmanager
def lock(path: Path, folder: Path, timeout: float, purpose: str) -> Iterator[None]:
    """Hold the table at `path` by a lock file in `folder`: on a local disk Delta promises nothing between two writers.

    The operating system releases it when its process ends. Raises OlistError after `timeout` seconds, naming the
    process that holds the table, and where the lock file cannot be written.
    """
    file, holder = FileLock(folder / f".{path.name}.lock"), folder / f".{path.name}.holder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.acquire(timeout=timeout)
        since = datetime.now(UTC).strftime("%H:%M:%S")
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()} ({purpose}) since {since} UTC")
    except Timeout as error:
        who = holder.read_text() if holder.exists() else "another process"
        raise OlistError(f"{path.name} is being written by {who}; gave up after {timeout:g} s.") from error
    except OSError as error:
        file.release()
        raise OlistError(f"Cannot write to the warehouse {folder}: {error.strerror}. Set OLIST_WAREHOUSE.") from error
    try:
        yield
    finally:
        file.release()
