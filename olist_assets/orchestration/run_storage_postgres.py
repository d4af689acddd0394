"""Dagster's storage of runs on Postgres, for a deployment (deploy/postgres). Needs the extra `postgres`."""

from collections.abc import Mapping
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import PostgresRunStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config

from olist_assets.orchestration.run_storage import TaggedRunStorage


class TaggedPostgresRunStorage(TaggedRunStorage, PostgresRunStorage):
    """For a deployment."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "TaggedPostgresRunStorage":
        return cls(
            pg_url_from_config(config_value),
            config_value["should_autocreate_tables"],
            inst_data,
            get_token_provider_from_config(config_value),
        )
