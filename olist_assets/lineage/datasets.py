"""Tables and source files as OpenLineage datasets: named by their location, with schema and column lineage."""

from collections.abc import Iterable
from typing import Any

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    OutputDatasetFacet,
    column_lineage_dataset,
    dataset_version_dataset,
    datasource_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)
from openlineage.client.naming.dataset import S3, Kafka, LocalFileSystem

from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.table import Column, Table
from olist_assets.kafka import connection
from olist_assets.lakehouse.feeds import is_fed
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.order_events.batches import EVENTS

# What a message consists of, and the table of messages has unchanged.
MESSAGE = ("key", "value")
# The name of a dataset by OpenLineage's rules for its kind of store.
DatasetName = LocalFileSystem | S3 | Kafka


def dataset_name(address: str) -> DatasetName:
    """The name of a path on this machine, or of s3://bucket/key."""
    if "://" not in address:
        return LocalFileSystem(address)
    bucket, _, key = address.partition("://")[2].partition("/")
    return S3(bucket, key)


def name_of(warehouse: Warehouse, name: str) -> DatasetName:
    """The name of a table, of the topic, or of a source file (in a zip: below the zip's own path)."""
    if name in warehouse.catalog.tables:
        return dataset_name(str(warehouse.path(name)))
    if name == warehouse.settings.kafka_topic:
        host, _, port = connection.Kafka.of(warehouse.settings).servers.partition(",")[0].rpartition(":")
        return Kafka(host, port, name)
    return dataset_name(str(warehouse.settings.data.expanduser().resolve() / name))


def upstream(table: Table, warehouse: Warehouse) -> dict[str, tuple[Column, ...]]:
    """The tables that a table is made from, its source file, or the topic, with their columns."""
    tables = warehouse.catalog.tables
    if table.name == EVENTS:
        return {warehouse.settings.kafka_topic: tuple(column for column in table.columns if column.name in MESSAGE)}
    if _is_fed(table, warehouse):
        return {EVENTS: tables[EVENTS].columns}
    if table.source:
        columns = (
            Column(name, "string", "Value as received, as text.", nullable=True) for name in table.source.columns
        )
        return {table.source.name: tuple(columns)}
    return {name: tables[name].columns for name in warehouse.catalog.parents(table.name) if name in tables}


def _is_fed(table: Table, warehouse: Warehouse) -> bool:
    """Whether a snapshot takes order events instead of its file."""
    return any(map(is_fed, warehouse.existing_tables([table.name] if table.source else []).values()))


def inputs(table: Table, warehouse: Warehouse) -> list[InputDataset]:
    """The datasets that a table is made from."""
    found = ((name_of(warehouse, name), columns) for name, columns in upstream(table, warehouse).items())
    return [InputDataset(at.get_namespace(), at.get_name(), facets=_facets(at, columns)) for at, columns in found]


def output(table: Table, warehouse: Warehouse, metadata: dict[str, Any]) -> OutputDataset:
    """A table with Dagster's metadata of a write: version, rows, bytes and files; without these if it failed."""
    at = name_of(warehouse, table.name)
    facets = _facets(at, table.columns)
    if fields := _column_lineage(table, warehouse):
        facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(fields)
    written: dict[str, OutputDatasetFacet] = {}
    if metadata:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(str(metadata["delta_version"]))
        written["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=metadata["dagster/row_count"], size=metadata["bytes"], fileCount=metadata["files"]
        )
    return OutputDataset(at.get_namespace(), at.get_name(), facets=facets, outputFacets=written)


def _facets(at: DatasetName, columns: Iterable[Column]) -> dict[str, DatasetFacet]:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(column.name, column.type, column.description, number)
        for number, column in enumerate(columns, 1)
    ]
    store = at.get_namespace()
    uri = store if "://" in store else f"{store}://"
    return {
        "schema": schema_dataset.SchemaDatasetFacet(fields),
        "dataSource": datasource_dataset.DatasourceDatasetFacet(store, uri),
    }


def _column_lineage(table: Table, warehouse: Warehouse) -> dict[str, column_lineage_dataset.Fields]:
    if table.name == EVENTS:
        columns = {name: [(warehouse.settings.kafka_topic, name)] for name in MESSAGE}
    elif table.source and _is_fed(table, warehouse):
        columns = {name: [(EVENTS, "value")] for name in table.source.columns}
    elif table.source:
        columns = {name: [(table.source.name, name)] for name in table.source.columns}
    else:
        columns = column_lineage().get(table.name, {})
    return {
        name: column_lineage_dataset.Fields([_input_field(warehouse, *origin) for origin in origins])
        for name, origins in columns.items()
        if origins
    }


def _input_field(warehouse: Warehouse, name: str, column: str) -> column_lineage_dataset.InputField:
    at = name_of(warehouse, name)
    return column_lineage_dataset.InputField(at.get_namespace(), at.get_name(), column)
