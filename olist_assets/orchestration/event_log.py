"""Dagster's event log with pooled connections and one transaction per batch, on SQLite.

Dagster's own opens the database and compiles its SQL for each event; a full range over the daily assets writes
thousands of events. `event_log_postgres.py` has the same for Postgres.
"""

import os
import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any, Self

from dagster import EventLogEntry
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.event_log import (
    ConsolidatedSqliteEventLogStorage,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)
from sqlalchemy import Connection, Engine, create_engine, event, inspect

from olist_assets.orchestration.sqlite_storage import plain_folder

BUSY_TIMEOUT_SECONDS = 60
# Dagster hands events over in batches of this size if this variable is set; it has no other setting for it.
BATCH_VARIABLE, BATCH_SIZE = "DAGSTER_EVENT_BATCH_SIZE", "500"


class BatchedEventLogStorage(SqlEventLogStorage):
    """The same tables, rows and queries; only connections and batches are handled differently."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        os.environ.setdefault(BATCH_VARIABLE, BATCH_SIZE)
        super().__init__(*args, **kwargs)

    @abstractmethod
    def _pooled(self) -> AbstractContextManager[Connection]:
        """A connection from this storage's pool."""

    @cached_property
    def _active(self) -> threading.local:
        return threading.local()

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        connection = getattr(self._active, "connection", None)
        if connection is not None:
            yield connection
            return
        with self._pooled() as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        # Called for each event; a migration, which could add a table, runs in a process of its own.
        return table_name in self._table_names

    @cached_property
    def _table_names(self) -> frozenset[str]:
        with self._connect() as connection:
            return frozenset(inspect(connection).get_table_names())

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events as store_event does, in one transaction, and update each asset's own row once."""
        insert = SqlEventLogStorageTable.insert().returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
        with self.index_transaction() as connection:
            ids = connection.execute(insert, [self._event_to_row(entry) for entry in events]).scalars().all()
            stored = [(entry, entry.get_dagster_event(), id_) for entry, id_ in zip(events, ids, strict=True)]
            of_assets = [row for row in stored if row[1].event_type in ASSET_EVENTS and row[1].asset_key]
            self._store_asset_event_tags(connection, [row[0] for row in of_assets], [row[2] for row in of_assets])
            # Later events of a kind overwrite what earlier ones wrote for the same asset.
            latest = {(row[1].event_type, row[1].asset_key): row for row in of_assets}
            # In the order of keys, so that the batches of two runs never wait for each other's rows.
            for entry, _, id_ in sorted(latest.values(), key=lambda row: (str(row[1].asset_key), row[2])):
                self._store_asset_event(connection, entry, id_)
            self._active.connection = connection
            try:
                for entry, dagster_event, id_ in stored:
                    if dagster_event.event_type in ASSET_CHECK_EVENTS:
                        self.store_asset_check_event(entry, id_)
            finally:
                self._active.connection = None


class BatchedSqliteEventLogStorage(BatchedEventLogStorage, ConsolidatedSqliteEventLogStorage):
    """For one machine."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        return super().from_config_value(inst_data, plain_folder(config_value))

    @cached_property
    def _engine(self) -> Engine:
        engine = create_engine(self._conn_string, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

        @event.listens_for(engine, "connect")
        def set_pragmas(connection, _record) -> None:
            # With a write-ahead log, NORMAL may lose the last events in a power cut but never corrupts the log.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

        return engine

    def _pooled(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()
