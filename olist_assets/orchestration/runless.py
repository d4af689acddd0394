"""Materializations of tables that no asset's function has written, and their report to Dagster without a run."""

from collections.abc import Iterable
from typing import Any

import dagster as dg
from deltalake import DeltaTable

from olist_assets.contracts.table import Table
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse


def materialization(table: Table, written: DeltaTable, **more: Any) -> dg.AssetMaterialization:
    """The materialization of a whole table, with its size and version."""
    found = statistics(written)
    metadata = {
        "dagster/row_count": found.rows,
        "delta_version": written.version(),
        "files": found.files,
        "bytes": found.bytes,
        **more,
    }
    return dg.AssetMaterialization(table.name, metadata=metadata)


def report_written(
    storage: dg.DagsterInstance,
    warehouse: Warehouse,
    table: Table,
    written: DeltaTable,
    days: Iterable[Any] = (),
    **more: Any,
) -> None:
    """Report a written table, of a daily one each of its changed `days`, with rows and version."""
    whole = materialization(table, written, **more)
    if table.day is None:
        storage.report_runless_asset_event(whole)
        return
    rows = warehouse.rows_by_day(written, table.day)
    for day in map(str, days):
        of_day = {**whole.metadata, "dagster/partition_row_count": rows.get(day, 0)}
        storage.report_runless_asset_event(dg.AssetMaterialization(table.name, partition=day, metadata=of_day))
