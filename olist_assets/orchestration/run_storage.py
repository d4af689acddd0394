"""Dagster's storage of runs with the partitions of a run left to its tags, on SQLite.

Dagster stores the days of a run once more, as a subset of the partitions of its last asset in the order of step keys.
If that asset is daily, it then plans every day for the run's other assets too, also for those without days: 21,672
planned events for a full run instead of 2,349. A run without the subset plans the days of the tags for its daily
assets only. (`construct_run_with_snapshots`, since https://github.com/dagster-io/dagster/pull/31516; Dagster reads the
subset for nothing else.) `run_storage_postgres.py` has the same for Postgres.
"""

from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun
from dagster._core.storage.runs import SqliteRunStorage, SqlRunStorage
from dagster._serdes import ConfigurableClassData
from dagster_shared.record import copy

from olist_assets.orchestration.sqlite_storage import plain_folder


class TaggedRunStorage(SqlRunStorage):
    """The same tables, rows and queries; only the stored subset of partitions is left out."""

    def add_run(self, dagster_run: DagsterRun) -> DagsterRun:
        """The stored run, from which Dagster derives the planned events."""
        return super().add_run(copy(dagster_run, partitions_subset=None))


class TaggedSqliteRunStorage(TaggedRunStorage, SqliteRunStorage):
    """For one machine."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "TaggedSqliteRunStorage":
        return cls.from_local(inst_data=inst_data, **plain_folder(config_value))
