"""Paths with characters that libraries take for a URL, a glob, a partition or a list, as paths that none misreads."""

from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from olist_assets.private_files import PLAIN, plain_scratch


def plain_path(path: Path | str) -> str:
    """A path to the same file or folder without special characters: itself, or one through a symbolic link.

    Sail and DuckDB have no common way to escape them: `b[1]` was read as an empty folder `b1`, `d*x` together with
    `dAx`. The link is in a temporary folder of this process. An address in an object store stays as it is.
    """
    text = str(path)
    if "://" in text:
        return text
    absolute = Path(path).absolute()
    if PLAIN.fullmatch(str(absolute)):
        return text
    if PLAIN.fullmatch(absolute.name):
        return f"{_link(absolute.parent)}/{absolute.name}"
    return str(_link(absolute))


@cache
def _link(target: Path) -> Path:
    # The suffix may say how the file is compressed.
    suffix = target.suffix if PLAIN.fullmatch(target.suffix) else ""
    link = _links() / f"{sha256(str(target).encode()).hexdigest()[:16]}{suffix}"
    with suppress(FileExistsError):
        link.symlink_to(target)
    return link


@cache
def _links() -> Path:
    folder = plain_scratch() / "paths"
    folder.mkdir()
    return folder
