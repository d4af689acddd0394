"""Removal of everything in a table's folder that its newest version does not need."""

from pathlib import Path

from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.delta_log import LAST_CHECKPOINT, OF_A_VERSION
from olist_assets.lakehouse.object_store import open_delta
from olist_assets.lakehouse.statistics import data_files


def remove_earlier_versions(path: Path) -> None:
    """Keep a checkpoint of the newest version, its commit and its data files, and nothing else.

    A vacuum leaves files whose names begin with `_` or `.`, such as changed rows and the remains of a killed writer.
    No other process may use the table.
    """
    table = open_delta(path)
    table.create_checkpoint()
    if not isinstance(path, Path):
        # In an object store nothing is hidden from a vacuum, and there are no links.
        for file in delta_log.files_before(path, table.version()):
            file.unlink()
        return
    needed = {Path(file).resolve() for file in data_files(table)}
    needed |= {file.with_name(f".{file.name}.crc") for file in needed}
    log = delta_log.log_folder(path)
    unneeded_in_log = {file for file in log.rglob("*") if not _is_needed(file, table.version())}
    unneeded = {file for file in path.rglob("*") if log not in file.parents and file.resolve() not in needed}
    for file in unneeded | unneeded_in_log:
        if not file.is_dir() or file.is_symlink():
            file.unlink()


def _is_needed(file: Path, version: int) -> bool:
    """Whether a file of the log belongs to the version, or names its checkpoint."""
    is_of_version = OF_A_VERSION.fullmatch(file.name) and file.name.lstrip(".").startswith(f"{version:020}.")
    return bool(is_of_version) or file.name in (LAST_CHECKPOINT, f".{LAST_CHECKPOINT}.crc")
