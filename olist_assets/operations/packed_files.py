"""Files packed in other files: which formats can be unpacked here, and which are known to hide their texts."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

ZIP, TAR, TAR_AT = b"PK\x03\x04", b"ustar", 257
START = TAR_AT + len(TAR)
"""How many bytes of a file tell its format."""
STREAMS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
# Zstandard, LZ4, Avro, ORC, Arrow, encrypted Parquet, 7-Zip, RAR, PDF, cabinets, and DuckDB's own files.
CLOSED = (
    b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"Obj\x01", b"ORC", b"ARROW1", b"PARE", b"7z\xbc\xaf\x27\x1c", b"Rar!",
    b"%PDF", b"MSCF",
)  # fmt: skip
DUCKDB, DUCKDB_AT = b"DUCK", 8
# What Python's readers raise for a damaged or an encrypted file.
DAMAGED = (
    OSError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error,
    lzma.LZMAError,
)  # fmt: skip


def is_archive(first: bytes) -> bool:
    """Whether a file that starts so has members that can be unpacked."""
    return first.startswith((ZIP, *STREAMS)) or first[TAR_AT:] == TAR


def is_closed(first: bytes) -> bool:
    """Whether a file that starts so packs its texts in a way that nothing here can read."""
    return first.startswith(CLOSED) or first[DUCKDB_AT:].startswith(DUCKDB)


def members(stream: IO[bytes], first: bytes) -> Iterator[IO[bytes]]:
    """The files in an archive, none in any other file."""
    if first.startswith(ZIP):
        with zipfile.ZipFile(stream) as archive:
            yield from (archive.open(member) for member in archive.infolist() if not member.is_dir())
    elif first[TAR_AT:] == TAR:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            yield from filter(None, map(archive.extractfile, archive))
    else:
        yield from (unpack(stream) for magic, unpack in STREAMS.items() if first.startswith(magic))
