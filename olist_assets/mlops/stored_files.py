"""The files of a stored model: a private copy that is checked and then loaded, and the digest that identifies them."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.mlops.places import artifact_root, checked_address, tracking_uri
from olist_assets.private_files import plain_scratch
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

DIGEST = "files_sha256"
"""The tag of a version with the digest of its files."""
MAX_FILES, MAX_BYTES = 1_000, 1 << 30
# The dot in front is that of Hadoop's checksum files.
NAME = re.compile(r"\.?[\w-][\w.-]*", re.ASCII)


def digest_of(folder: Path) -> str:
    """SHA-256 of a folder's files: of the lines `<SHA-256 of the content>  <relative path>`, sorted by the path."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = (f"{sha256((folder / path).read_bytes()).hexdigest()}  {path}\n" for path in paths)
    return sha256("".join(lines).encode()).hexdigest()


@contextmanager
def private_copy(settings: Settings, version: "ModelVersion", stored: str) -> Iterator[Path]:
    """A copy of a version's files that this user alone can change, if they are the registered ones.

    What is checked is what is loaded, whoever changes the stored files meanwhile. Raises ModelRefused.
    """
    address = checked_address(settings, stored)
    with tempfile.TemporaryDirectory(prefix="model-", dir=plain_scratch()) as made:
        folder = Path(made, "files")
        folder.mkdir()
        if address.startswith("file:"):
            _copy(_folder(artifact_root(settings), address), folder)
        else:
            folder = _downloaded(settings, address, folder)
        _require_digest(version, folder)
        yield folder


def _folder(root: str, address: str) -> Path:
    """The folder of a local address. Raises ModelRefused if a link leads there from the root."""
    start, folder = (Path(unquote(urlsplit(one).path)) for one in (root, address))
    if folder.resolve() != start.resolve() / folder.relative_to(start) or not folder.is_dir():
        raise ModelRefused(f"The model's folder {folder} does not exist, or is reached by a link.")
    return folder


def _copy(source: Path, target: Path) -> None:
    for folder, path in _entries(source):
        place = target / path.relative_to(source)
        if folder:
            place.mkdir()
        else:
            _copy_file(path, place)


def _downloaded(settings: Settings, address: str, target: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    folder = Path(download_artifacts(address, dst_path=str(target), tracking_uri=tracking_uri(settings)))
    if not folder.resolve().is_relative_to(target.resolve()):
        raise ModelRefused(f"MLflow did not download {address} to the folder that it was given.")
    list(_entries(folder))
    return folder


def _entries(folder: Path) -> Iterator[tuple[bool, Path]]:
    """Folders and files below a folder, each folder before its content. Raises ModelRefused for anything else."""
    count = size = 0
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path, found = Path(parent, name), Path(parent, name).lstat()
            if not NAME.fullmatch(name):
                raise ModelRefused(f"The model has a file or folder with the name {name!r}, which none of ours has.")
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise ModelRefused(f"{path} of the model is a link or a device, not a file or folder.")
            count, size = count + 1, size + found.st_size
            if count > MAX_FILES or size > MAX_BYTES:
                raise ModelRefused(f"The model has more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB.")
            yield stat.S_ISDIR(found.st_mode), path


def _copy_file(source: Path, target: Path) -> None:
    # It may have been exchanged since it was listed: a link is not followed, and a pipe does not block.
    number = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as opened, target.open("xb") as copied:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ModelRefused(f"{source} of the model is not a file.")
        shutil.copyfileobj(opened, copied)


def _require_digest(version: "ModelVersion", folder: Path) -> None:
    tags: Mapping[str, str] = version.tags
    what = f"{version.name} version {version.version}"
    if DIGEST not in tags:
        raise ModelRefused(
            f"{what} was registered without a digest of its files (tag `{DIGEST}`), so nothing proves them. It was not "
            f"loaded. Train and promote the model again: olist materialize --select {version.name},{version.name}"
            "_champion"
        )
    if digest_of(folder) != tags[DIGEST]:
        raise ModelRefused(
            f"The files of {what} are not the model that was registered: their SHA-256 is not the version's tag "
            f"`{DIGEST}`. It was not loaded. Restore the files, or train and promote the model again."
        )
