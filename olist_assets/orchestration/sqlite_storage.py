"""Dagster's SQLite storages in folders of any name: Dagster puts the path into a URL as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster._core.storage.schedules import SqliteScheduleStorage

from olist_assets.paths import plain_path


def plain_folder(config_value: Mapping[str, Any]) -> dict[str, Any]:
    """A storage's configuration with a path to its folder, which exists then, that is the same in a URL."""
    folder = Path(config_value["base_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    return {**config_value, "base_dir": plain_path(folder)}


class PlainSqliteScheduleStorage(SqliteScheduleStorage):
    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> SqliteScheduleStorage:
        return super().from_config_value(inst_data, plain_folder(config_value))
