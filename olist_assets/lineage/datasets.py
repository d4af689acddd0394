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
from openlineage.client.naming.dataset import S3, LocalFileSystem

from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.warehouse import Warehouse

# The name of a dataset by OpenLineage's rules for its kind of store.
DatasetName = LocalFileSystem | S3


def dataset_name(address: str) -> DatasetName:
    """The name of a path on this machine, or of s3://bucket/key."""
    if "://" not in address:
        return LocalFileSystem(address)
    bucket, _, key = address.partition("://")[2].partition("/")
    return S3(bucket, key)


def name_of(warehouse: Warehouse, name: str) -> DatasetName:
    """The name of a table, or of a source file (in a zip: below the zip's own path)."""
    if name in warehouse.catalog.tables:
        return dataset_name(str(warehouse.path(name)))
    return dataset_name(str(warehouse.settings.data.expanduser().resolve() / name))


def upstream(table: Table, warehouse: Warehouse) -> dict[str, tuple[Column, ...]]:
    """The tables that a table is made from, or its source file, with their columns."""
    if table.source:
        columns = (
            Column(name, "string", "Value as received, as text.", nullable=True) for name in table.source.columns
        )
        return {table.source.name: tuple(columns)}
    tables = warehouse.catalog.tables
    return {name: tables[name].columns for name in warehouse.catalog.parents(table.name) if name in tables}


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
    if table.source:
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
