"""Dagster's resources around the warehouse and the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_deltalake import LocalConfig, S3Config
from dagster_deltalake.config import ClientConfig
from pydantic import Field

from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import Engine
from olist_assets.engine.source_reader import SourceReader
from olist_assets.lakehouse.object_store import allow_http
from olist_assets.lakehouse.warehouse import Warehouse


class WarehouseResource(dg.ConfigurableResource[Warehouse]):
    """The warehouse that the definitions were built for, reached with dagster-deltalake's storage configuration."""

    loaded: dg.ResourceDependency[Warehouse]
    storage_options: S3Config | LocalConfig = Field(default=LocalConfig(), discriminator="provider")
    client_options: ClientConfig = ClientConfig()

    @classmethod
    def of(cls, warehouse: Warehouse) -> "WarehouseResource":
        """For this warehouse; S3's credentials, region and endpoint are those of the environment unless configured."""
        loaded = dg.ResourceDefinition.hardcoded_resource(warehouse)
        if not warehouse.settings.is_in_object_store:
            return cls(loaded=loaded)
        client = ClientConfig(allow_http=True if allow_http() else None)
        return cls(loaded=loaded, storage_options=S3Config(), client_options=client)

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:  # noqa: ARG002
        """The warehouse with the configured storage options."""
        options = self.storage_options.str_dict() | self.client_options.str_dict()
        del options["provider"]
        return self.loaded.with_storage_options(options)


class EngineResource(dg.ConfigurableResource[Engine]):
    """The engine of a run; its session on a server ends with the run."""

    warehouse: dg.ResourceDependency[Warehouse]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Engine]:  # noqa: ARG002
        """The engine for the warehouse's settings."""
        engine = engine_of(self.warehouse.settings)
        try:
            yield engine
        finally:
            engine.close()


class SchemaPolicy(dg.ConfigurableResource):
    """Whether a run may change the schema of a stored table, or read a source whose columns changed, with loss."""

    allow_change: bool = False


class SourceResource(dg.ConfigurableResource[SourceReader]):
    """The source files for the bronze tables."""

    warehouse: dg.ResourceDependency[Warehouse]
    engine: dg.ResourceDependency[Engine]
    schema_policy: dg.ResourceDependency[SchemaPolicy]

    def create_resource(self, context: dg.InitResourceContext) -> SourceReader:  # noqa: ARG002
        """A reader for the run."""
        return SourceReader(self.warehouse, self.engine, allow_change=self.schema_policy.allow_change)


def engine_resources(warehouse: Warehouse) -> dict[str, Any]:
    """The resources by key, each given those that it needs."""
    of_warehouse = WarehouseResource.of(warehouse)
    engine, policy = EngineResource(warehouse=of_warehouse), SchemaPolicy.configure_at_launch()
    source = SourceResource(warehouse=of_warehouse, engine=engine, schema_policy=policy)
    return {"warehouse": of_warehouse, "engine": engine, "schema_policy": policy, "source": source}
