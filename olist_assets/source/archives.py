"""Source files in zip archives, also in one within another, and in gzip files: only they are unpacked, to a limit."""

import errno
import gzip
import lzma
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError

NAMES = {source.name.casefold(): source.name for source in SOURCES.values()}
ZIP, GZIP = ".zip", ".gz"
# The published dataset shrinks to a third, and text that repeats itself a lot to a fiftieth; a bomb to a thousandth.
MAX_RATIO, UNSUSPICIOUS_BYTES = 200, 64 << 20
MAX_BYTES = 100 << 30
"""Of one file: those of a hundred times the published dataset have 6 GB together."""
MAX_NESTING = 3
IS_ENCRYPTED = 0x1
# What Python's readers raise for a damaged file, besides OSError.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, IndexError, UnicodeDecodeError,
)  # fmt: skip


@dataclass(frozen=True)
class Packed:
    """A source file in an archive: its name, where it is, and a function that unpacks it to a path."""

    name: str
    where: str
    unpack: Callable[[Path], None]


def source_name(file: str) -> str | None:
    """The name of the source file that a file is, packed or not; None for any other file."""
    name = file.casefold()
    return NAMES.get(name.removesuffix(GZIP).removesuffix(ZIP))


def is_packed(path: Path) -> bool:
    return path.suffix.casefold() in (ZIP, GZIP)


def packed_files(path: Path, where: str, scratch: Path, nesting: int = MAX_NESTING) -> Iterator[Packed]:
    """The source files in an archive. Archives within it are unpacked to the folder `scratch`. Raises OlistError."""
    if path.suffix.casefold() == GZIP:
        name = source_name(path.name)
        if name:
            yield Packed(name, where, partial(_unpack, path, where))
        return
    with _readable(where), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    for member in members:
        # Old packers of Windows write backslashes.
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        if any(part.startswith((".", "__MACOSX")) for part in inside.parts if part != ".."):
            continue
        here = f"{where}: {member.filename}"
        if inside.suffix.casefold() == ZIP and nesting:
            inner = scratch / f"{uuid.uuid4().hex}{ZIP}"
            _unpack_member(path, member, here, inner)
            yield from packed_files(inner, here, scratch, nesting - 1)
        elif name := source_name(inside.name):
            yield Packed(name, here, partial(_unpack_member, path, member, here))


def _unpack(path: Path, where: str, target: Path) -> None:
    with _readable(where), gzip.open(path) as stream:
        _copy(stream, target, path.stat().st_size, where)


def _unpack_member(path: Path, member: zipfile.ZipInfo, where: str, target: Path) -> None:
    if member.flag_bits & IS_ENCRYPTED:
        raise OlistError(f"{where} is protected by a password. Unpack it, and set OLIST_DATA to the folder.")
    with _readable(where), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        if member.filename.casefold().endswith(GZIP):
            with gzip.GzipFile(fileobj=stream) as text:
                _copy(text, target, member.compress_size, where)
        else:
            _copy(stream, target, member.compress_size, where)


def _copy(stream: IO[bytes] | gzip.GzipFile, target: Path, packed_bytes: int, where: str) -> None:
    """Copy until the end, or until the limit: what an archive says of its sizes may be wrong."""
    limit = min(max(MAX_RATIO * packed_bytes, UNSUSPICIOUS_BYTES), MAX_BYTES)
    written = 0
    with target.open("wb") as opened:
        while chunk := stream.read(1 << 20):
            written += len(chunk)
            if written > limit:
                raise OlistError(
                    f"{where} unpacks to more than {limit >> 20} MB, from {packed_bytes >> 10} kB: no CSV file "
                    "shrinks so much. If it is right, unpack it, and set OLIST_DATA to the folder."
                )
            opened.write(chunk)


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Raises OlistError for a damaged archive, and for one that Python cannot unpack."""
    try:
        yield
    except DAMAGED as error:
        raise OlistError(f"{where} is not a whole archive ({error}): get it again.") from error
    except OSError as error:
        # bz2 has no error of its own, and a position before the file's start comes from a damaged directory.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise OlistError(f"{where} is not a whole archive ({error}): get it again.") from error
    except (NotImplementedError, RuntimeError) as error:
        raise OlistError(
            f"{where} cannot be unpacked ({error}). Pack it as an ordinary zip, or unpack it, and set OLIST_DATA to "
            "the folder."
        ) from error
