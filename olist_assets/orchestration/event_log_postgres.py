"""Dagster's event log on Postgres, for a deployment (deploy/postgres). Needs the extra `postgres`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import (
    create_pg_connection,
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)
from sqlalchemy import Connection

from olist_assets.orchestration.event_log import BatchedEventLogStorage


class BatchedPostgresEventLogStorage(BatchedEventLogStorage, PostgresEventLogStorage):
    """Dagster's own connects to the server several times per event, and batches only materializations."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._engine = create_pg_engine(
            self.postgres_url,
            self._token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            max_overflow=-1,
            pool_pre_ping=True,  # the server may have been restarted
        )

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedPostgresEventLogStorage":
        return cls(
            pg_url_from_config(config_value),
            config_value["should_autocreate_tables"],
            inst_data,
            get_token_provider_from_config(config_value),
        )

    def _pooled(self) -> AbstractContextManager[Connection]:
        return create_pg_connection(self._engine)

    def dispose(self) -> None:
        super().dispose()
        self._engine.dispose()
