"""The files of a Delta log: the information in each commit, which files are unreadable, and setting those aside.

deltalake's `history()` counts down from the opened version, so that a commit without commitInfo shifts the others and
an unreadable one hides them all; its `load_as_version(datetime)` uses the files' modification times, which any copy of
the table changes. Hence the files are read here.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import Any

from deltalake.exceptions import DeltaError

from olist_assets.lakehouse.object_store import LOG, open_delta

COMMIT = re.compile(r"\d{20}\.json")
CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*(json|parquet)")
# Commits, their checksums and checkpoints, and the hidden checksums that Hadoop writes for each of these.
OF_A_VERSION = re.compile(r"\.?\d{20}\..*(json|crc|parquet)")
LAST_CHECKPOINT = "_last_checkpoint"
ASIDE = ".corrupt"


@dataclass(frozen=True)
class Commit:
    """One version's file in the log."""

    path: Path

    @property
    def version(self) -> int:
        return int(self.path.stem)

    @cached_property
    def actions(self) -> list[dict[str, Any]] | None:
        """Its actions, one per line of the file; None where the file cannot be read."""
        try:
            return [json.loads(line) for line in self.path.read_text().split("\n") if line.strip()]
        except (OSError, ValueError):
            return None

    @cached_property
    def info(self) -> dict[str, Any] | None:
        """Its commitInfo; empty where it has none, None where the file cannot be read."""
        if self.actions is None:
            return None
        try:
            return next((action["commitInfo"] or {} for action in self.actions if "commitInfo" in action), {})
        except TypeError:
            return None

    @property
    def schema(self) -> list[tuple[str, str, bool]] | None:
        """Name, type (as JSON) and nullability of the columns, if the commit sets the table's schema."""
        metadata = next((action["metaData"] for action in self.actions or () if "metaData" in action), None)
        fields = json.loads(metadata["schemaString"])["fields"] if metadata else None
        return fields and [(field["name"], json.dumps(field["type"]), field["nullable"]) for field in fields]

    @property
    def is_empty(self) -> bool:
        """Whether the file is empty, as after a power cut; Delta reads an empty commit as no change."""
        has_no_bytes = self.path.exists() and self.path.stat().st_size == 0
        return has_no_bytes and self.version not in checkpoints(self.path.parent)

    @property
    def only_creates(self) -> bool:
        """Whether it creates or replaces the table without writing a row."""
        return (self.info or {}).get("operation") in ("CREATE TABLE", "REPLACE TABLE")

    @property
    def changes_rows(self) -> bool:
        """Whether it adds or removes rows."""
        files = (action.get("add") or action.get("remove") or {} for action in self.actions or ())
        return any(file.get("dataChange", False) for file in files)

    @property
    def at(self) -> datetime:
        """When it was committed (UTC); without a timestamp in the commit, when its file was last modified."""
        info = self.info or {}
        stamp = info.get("inCommitTimestamp") or info.get("timestamp")
        seconds = stamp / 1000 if isinstance(stamp, int) else self.path.stat().st_mtime
        return datetime.fromtimestamp(seconds, UTC)


def log_folder(table: Path) -> Path:
    return table / LOG


def commit(table: Path, version: int) -> Commit:
    return Commit(log_folder(table) / f"{version:020}.json")


def commits(table: Path) -> list[Commit]:
    """The commits that the log still has, newest first."""
    found = (Commit(path) for path in log_folder(table).glob("*.json") if COMMIT.fullmatch(path.name))
    return sorted(found, key=lambda commit: commit.version, reverse=True)


def protocol(table: Path) -> dict[str, Any]:
    """The newest protocol action of the log; empty where none can be read."""
    of_commits = (
        action["protocol"] for found in commits(table) for action in found.actions or () if "protocol" in action
    )
    return next(chain(of_commits, _protocols_of_checkpoints(log_folder(table))), {})


def _protocols_of_checkpoints(folder: Path) -> Iterator[dict[str, Any]]:
    # Only a table that cannot be opened, and whose first commits are gone, needs this import of 8 ms.
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("*.checkpoint*.parquet"), reverse=True):
        with suppress(OSError, ValueError), path.open("rb") as opened:
            yield from pq.read_table(opened, columns=["protocol"])["protocol"].drop_null().to_pylist()


def checkpoints(folder: Path) -> set[int]:
    """Versions of which a log folder has a checkpoint, which makes the commits before it unnecessary."""
    return {int(found[1]) for path in folder.iterdir() if (found := CHECKPOINT.fullmatch(path.name))}


def reaches(table: Path, version: int) -> bool:
    """Whether the log has all parts of the version: a checkpoint or the first commit, and each commit since.

    deltalake also opens a version without these, with only a part of its rows.
    """
    start = max((start for start in checkpoints(log_folder(table)) if start <= version), default=-1)
    return {commit.version for commit in commits(table)}.issuperset(range(start + 1, version + 1))


def last_readable(table: Path) -> int | None:
    """The newest version that can be opened."""
    return next((commit.version for commit in commits(table) if _opens(table, commit)), None)


def _opens(table: Path, commit: Commit) -> bool:
    try:
        open_delta(table, commit.version)
    except (DeltaError, OSError):
        return False
    return reaches(table, commit.version) and not commit.is_empty


def broken_file(table: Path, last: int | None) -> str | None:
    """The name of the file because of which versions after the `last` readable one cannot be opened, if it is known."""
    expected = None if last is None else last + 1
    for commit in reversed(commits(table)):
        if expected is not None and commit.version > expected:
            return f"{expected:020}.json (missing)"
        if expected in (None, commit.version):
            if commit.info is None or commit.is_empty:
                return commit.path.name
            expected = commit.version + 1
    return next((path.name for path in files_after(table, last) if is_checkpoint(path)), None)


def is_checkpoint(path: Path) -> bool:
    """Whether the file is a checkpoint, which repeats the commits: the log is complete without it."""
    return "checkpoint" in path.name


def files_after(table: Path, last: int | None) -> list[Path]:
    """All files of versions after `last`, and the pointer to the last checkpoint if that is one of them."""
    folder, last = log_folder(table), -1 if last is None else last
    found = [path for path in sorted(folder.iterdir()) if OF_A_VERSION.fullmatch(path.name)]
    found = [path for path in found if max(map(int, re.findall(r"\d{20}", path.name))) > last]
    if _last_checkpoint(folder / LAST_CHECKPOINT) > last:
        found += [path for path in (folder / LAST_CHECKPOINT, folder / f".{LAST_CHECKPOINT}.crc") if path.exists()]
    return found


def files_before(table: Path, version: int) -> list[Path]:
    """All files of the log that concern only versions before `version`, and the files that were set aside."""
    found = [path for path in log_folder(table).iterdir() if re.match(r"\.?\d{20}\.", path.name)]
    return [path for path in found if ASIDE in path.name or int(re.findall(r"\d{20}", path.name)[-1]) < version]


def _last_checkpoint(path: Path) -> int:
    try:
        return json.loads(path.read_text())["version"]
    except (OSError, ValueError, TypeError, KeyError):
        return -1


def set_aside(files: Iterable[Path]) -> list[str]:
    """Rename files so that no reader takes them for part of the log; returns their new names."""
    return [file.rename(_free_name(file)).name for file in files]


def _free_name(file: Path) -> Path:
    names = (file.with_name(f"{file.name}{ASIDE}{number or ''}") for number in count())
    return next(name for name in names if not name.exists())
