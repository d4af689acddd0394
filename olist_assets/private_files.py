"""Files that only the user of this process can read, and a folder for temporary ones that ends with the process."""

import atexit
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from shutil import rmtree

from olist_assets.errors import OlistError

OTHERS = 0o077
# What Sail, DuckDB and glob patterns take as it is.
PLAIN = re.compile(r"[\w./-]*", re.ASCII)
LOCK = ".lock"


def keep_private() -> None:
    """Let only this user read what this process and its children create from now on."""
    os.umask(os.umask(OTHERS) | OTHERS)


def scratch() -> Path:
    """A folder for temporary files of this process, which is removed as the process ends. Raises OlistError."""
    return _folder_in(tempfile.gettempdir())


def plain_scratch() -> Path:
    """As `scratch`, in a place whose name no library misreads."""
    temporary = tempfile.gettempdir()
    return _folder_in(temporary if PLAIN.fullmatch(temporary) else "/tmp")


@cache
def _folder_in(temporary: str) -> Path:
    """A process that is killed leaves its folder, so each new process removes those of processes that have ended.

    Their locks tell: numbers of processes are used again, and are others in each container.
    """
    root = _root(Path(temporary))
    with _locked(root / LOCK):
        for folder in root.iterdir():
            if folder.is_dir():
                _remove_if_abandoned(folder)
        ours = root / f"{os.getpid()}-{int(time.time())}"
        ours.mkdir(mode=0o700)
        # The lock is held until the process ends, however it ends, also by a server that replaces it (execv).
        lock = _opened(ours / LOCK)
        os.set_inheritable(lock, True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(_remove, ours, os.getpid())
    return ours


def _remove(folder: Path, process: int) -> None:
    # A child that was forked has this exit handler too.
    if os.getpid() == process:
        rmtree(folder, ignore_errors=True)


def own_folder(folder: Path, refusal: str) -> Path:
    """A folder that this user alone can open, created if need be. Raises OlistError with `refusal` if it is not ours.

    In a place where everybody may write, somebody else may have prepared it.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise OlistError(refusal)
    if found.st_mode & OTHERS:
        folder.chmod(0o700)
    return folder


def write_private(file: Path, text: str) -> None:
    """Write a new file that only this user can read, in a folder that only this user can open."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The folder may be an older one with other permissions.
    file.parent.chmod(0o700)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(text)


def _root(temporary: Path) -> Path:
    root = temporary / f"olist-{os.getuid()}"
    return own_folder(root, f"{root} belongs to somebody else, so temporary files are not safe there: set TMPDIR.")


def _remove_if_abandoned(folder: Path) -> None:
    lock = _opened(folder / LOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass  # its process runs
    finally:
        os.close(lock)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    opened = _opened(file)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _opened(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
