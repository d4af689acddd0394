"""Tables and source files as OpenLineage knows them: named by where they lie, with schema and column lineage."""

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

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import assets, tables
from olist_assets.contracts.column_lineage import column_lineage
from olist_assets.contracts.table import Column, Table
from olist_assets.settings import Settings

# A dataset's name, by the rules that OpenLineage has for its kind of store.
Place = LocalFileSystem | S3


def place(address: str) -> Place:
    """A path on this machine, or s3://bucket/key."""
    if "://" not in address:
        return LocalFileSystem(address)
    bucket, _, key = address.partition("://")[2].partition("/")
    return S3(bucket, key)


def place_of(settings: Settings, name: str) -> Place:
    """Where a table lies; for the name of a source file, where that lies (in a zip: below the zip's own path)."""
    if name in tables():
        return place(str(lakehouse.table_path(settings, name)))
    return place(str(settings.data.expanduser().resolve() / name))


def upstream(table: Table) -> dict[str, tuple[Column, ...]]:
    """The tables that a table is made from, or its source file, with their columns."""
    if table.source:
        columns = (Column(name, "string", "As received.", nullable=True) for name in table.source.columns)
        return {table.source.name: tuple(columns)}
    (made,) = (one for one in assets() if one.key.to_user_string() == table.name)
    names = sorted(key.to_user_string() for key in made.dependency_keys)
    return {name: tables()[name].columns for name in names if name in tables()}


def inputs(table: Table, settings: Settings) -> list[InputDataset]:
    """What a table is made from."""
    found = ((place_of(settings, name), columns) for name, columns in upstream(table).items())
    return [InputDataset(at.get_namespace(), at.get_name(), facets=_facets(at, columns)) for at, columns in found]


def output(table: Table, settings: Settings, figures: dict[str, Any]) -> OutputDataset:
    """A table, with what Dagster recorded of a write of it: version, rows, bytes and files; nothing where it failed."""
    at = place_of(settings, table.name)
    facets = _facets(at, table.columns)
    if fields := _column_lineage(table, settings):
        facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(fields)
    written: dict[str, OutputDatasetFacet] = {}
    if figures:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(str(figures["delta_version"]))
        written["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=figures["dagster/row_count"], size=figures["bytes"], fileCount=figures["files"]
        )
    return OutputDataset(at.get_namespace(), at.get_name(), facets=facets, outputFacets=written)


def _facets(at: Place, columns: Iterable[Column]) -> dict[str, DatasetFacet]:
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


def _column_lineage(table: Table, settings: Settings) -> dict[str, column_lineage_dataset.Fields]:
    if table.source:
        columns = {name: [(table.source.name, name)] for name in table.source.columns}
    else:
        columns = column_lineage().get(table.name, {})
    return {
        name: column_lineage_dataset.Fields([_input_field(settings, *origin) for origin in origins])
        for name, origins in columns.items()
        if origins
    }


def _input_field(settings: Settings, name: str, column: str) -> column_lineage_dataset.InputField:
    at = place_of(settings, name)
    return column_lineage_dataset.InputField(at.get_namespace(), at.get_name(), column)
