"""Copies of a finished run, for tests that change tables or the source."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from olist_assets.contracts.source_files import SOURCES
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun, settings_in

Record = dict[str, str]


def copy_of(finished: FinishedRun, folder: Path, *, with_source: bool = False, **more: Any) -> Settings:
    """Settings over a copy of the finished tables (and of their source, if it is changed) with a new Dagster home."""
    shutil.copytree(finished.settings.warehouse_path, folder / "warehouse")
    data = folder / "data" if with_source else finished.data
    if with_source:
        shutil.copytree(finished.data, data)
    return settings_in(folder, data, **more)


def change_source(settings: Settings, source: str, change: Callable[[Record], Record | None]) -> list[Record]:
    """Rewrite a source file with `change` applied to each record (None removes it); returns the changed records."""
    path = settings.data / SOURCES[source].name
    with path.open(newline="") as opened:
        records = list(csv.DictReader(opened))
    new = [change(dict(record)) for record in records]
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, SOURCES[source].columns)
        writer.writeheader()
        writer.writerows(record for record in new if record)
    return [old for old, now in zip(records, new, strict=True) if old != now]
