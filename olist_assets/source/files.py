"""The nine source files, found in a folder or a zip; a file that cannot be used is refused by name."""

import codecs
import hashlib
import shutil
import zipfile
from pathlib import Path

from filelock import FileLock

from olist_assets.contracts.source_files import SOURCES, SourceFile
from olist_assets.errors import OlistError
from olist_assets.settings import SAMPLE_DATA, Settings

CHUNK_BYTES = 8 << 20
FILE_NAMES = tuple(source.name for source in SOURCES.values())


def source_folder(settings: Settings) -> Path:
    """The folder with the CSV files; a zip is unpacked into the cache once. Raises OlistError."""
    data = settings.data.expanduser().resolve()
    if data.is_dir():
        return data
    if not data.exists():
        hint = f"olist sample-data {SAMPLE_DATA}" if settings.data == SAMPLE_DATA else "set OLIST_DATA"
        raise OlistError(f"There is no data at {data}: {hint} (a folder with the nine CSV files, or their zip).")
    target = settings.cache / "sources" / fingerprint(data)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock", timeout=600):
            if not target.exists():
                _unpack(data, target)
    except OSError as error:
        raise OlistError(f"Cannot unpack {data} into {target}: {error.strerror}. Set OLIST_CACHE.") from error
    return target


def source_bytes(settings: Settings) -> int:
    """The size of the source, unpacked; 0 where there is none."""
    data = settings.data.expanduser()
    try:
        if data.is_dir():
            return sum(path.stat().st_size for path in map(data.joinpath, FILE_NAMES) if path.is_file())
        with zipfile.ZipFile(data) as opened:
            return sum(entry.file_size for entry in opened.infolist())
    except (OSError, zipfile.BadZipFile):
        return 0


def fingerprint(path: Path) -> str:
    """Identifies one state of a file without reading it: a hash of its path, size and modification time."""
    stat = path.stat()
    return hashlib.sha256(f"{path}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()[:16]


def _unpack(archive: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(partial)
    except (zipfile.BadZipFile, EOFError) as error:
        raise OlistError(f"{archive} is not a whole zip file ({error}): download it again.") from error
    # The public download has the files at its top level; some mirrors put them into one folder.
    inner = next((p.parent for p in partial.rglob(SOURCES["orders"].name)), partial)
    inner.rename(target)
    shutil.rmtree(partial, ignore_errors=True)


def checked_text(folder: Path, source: SourceFile) -> Path:
    """Path of a source file, which exists, has a header line and is UTF-8. Raises OlistError."""
    path = folder / source.name
    if not path.is_file():
        raise OlistError(f"{path} is missing. The data folder or zip must hold all nine files of the dataset.")
    try:
        with path.open("rb") as opened:
            first = opened.readline()
        if not first.strip():
            raise OlistError(f"{path} is empty: it has no header line.")
        _check_encoding(path)
    except OSError as error:
        raise OlistError(f"{path} cannot be read: {error.strerror}.") from error
    return path


def _check_encoding(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    try:
        with path.open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                decoder.decode(chunk)
                position += len(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise OlistError(f"{path} is not UTF-8: {error.reason} near byte {position + error.start}.") from error
