"""The nine source files, found by name in a folder or an archive, each exactly once, and unpacked where needed."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from olist_assets.errors import OlistError
from olist_assets.settings import SAMPLE_DATA, Settings
from olist_assets.source.archives import NAMES, Packed, is_packed, packed_files, source_name

# Folders below the data folder that are searched: that of an unpacked archive, and one for each part.
MAX_DEPTH = 3


def source_folder(settings: Settings) -> Path:
    """The folder with the CSV files: the data folder, or one in the cache if they are packed or in several folders.

    Raises OlistError if a file is there twice, is no ordinary file, or cannot be unpacked.
    """
    data = settings.data.expanduser().resolve()
    if not data.exists():
        hint = f"olist sample-data {SAMPLE_DATA}" if settings.data == SAMPLE_DATA else "set OLIST_DATA"
        raise OlistError(f"There is no data at {data}: {hint} (a folder with the nine CSV files, or their zip).")
    found = list(_found_in(data)) if data.is_dir() else [data]
    for path in found:
        if not path.is_file():
            raise OlistError(f"{path} is no ordinary file, so it cannot be read as CSV. Replace it by the file.")
    if not data.is_dir() and source_name(data.name) and not is_packed(data):
        raise OlistError(f"{data} is one of the nine CSV files. Set OLIST_DATA to their folder, {data.parent}.")
    if data.is_dir() and all(path.parent == data and path.name in NAMES.values() for path in found):
        return data
    try:
        return _gathered(data, found, unpacked(settings))
    except OSError as error:
        raise OlistError(f"Cannot unpack {data} into {settings.cache}: {error.strerror}. Set OLIST_CACHE.") from error


def unpacked(settings: Settings) -> Path:
    """The folder in the cache for what is unpacked of the data."""
    data = settings.data.expanduser().resolve()
    return settings.cache / "sources" / sha256(str(data).encode()).hexdigest()[:16]


def source_bytes(settings: Settings) -> int:
    """The size of the source, unpacked; 0 where it cannot be read."""
    try:
        folder = source_folder(settings)
        return sum(path.stat().st_size for path in map(folder.joinpath, NAMES.values()) if path.is_file())
    except (OSError, OlistError):
        return 0


def state_of(*paths: Path) -> str:
    """Identifies one state of files without reading them: a hash of their paths, sizes and modification times."""
    states = (f"{path}:{stat.st_size}:{stat.st_mtime_ns}" for path in paths for stat in [path.stat()])
    return sha256("\n".join(states).encode()).hexdigest()[:16]


def _found_in(data: Path) -> Iterator[Path]:
    """The source files below a folder, packed or not, in the order of their paths."""
    for folder, inner, files in os.walk(data):
        depth = len(Path(folder).relative_to(data).parts)
        inner[:] = sorted(name for name in inner if depth < MAX_DEPTH and not name.startswith((".", "__MACOSX")))
        yield from (Path(folder, file) for file in sorted(files) if source_name(file))


def _gathered(data: Path, found: list[Path], folder: Path) -> Path:
    """A folder in the cache with the files under their own names; that of an earlier state is deleted."""
    target = folder / state_of(*found)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock", timeout=600):
        if target.is_dir():
            return target
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _unpack(data, found, partial)
            for earlier in folder.iterdir():
                if earlier.is_dir() and earlier != partial:
                    shutil.rmtree(earlier)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def _unpack(data: Path, found: Iterable[Path], target: Path) -> None:
    scratch = target / "archives"
    scratch.mkdir(parents=True)
    copies = defaultdict[str, list[Packed]](list)
    for path in found:
        for file in packed_files(path, str(path), scratch) if is_packed(path) or path == data else [_plain(path)]:
            copies[file.name].append(file)
    if not copies:
        raise OlistError(
            f"{data} has none of the nine CSV files of the dataset. A folder, a zip, and .gz of single files are read; "
            "unpack other archives."
        )
    for name, files in copies.items():
        if len(files) > 1:
            places = " and ".join(file.where for file in files)
            raise OlistError(f"{name} is there more than once: {places}. Keep the right one only.")
        files[0].unpack(target / name)
    shutil.rmtree(scratch)


def _plain(path: Path) -> Packed:
    """A file that needs no unpacking."""
    return Packed(NAMES[path.name.casefold()], str(path), lambda target: target.symlink_to(path))
