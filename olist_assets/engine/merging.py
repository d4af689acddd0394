"""Changes merged into a table of the warehouse, which is created if it does not exist."""

from deltalake import DeltaTable
from pyspark.sql import DataFrame

from olist_assets.contracts.table import Table
from olist_assets.engine.engine import Engine
from olist_assets.engine.merge import Changed, merge_of
from olist_assets.lakehouse.schemas import schema_change, shape
from olist_assets.lakehouse.warehouse import Warehouse


def merge_changes(
    warehouse: Warehouse,
    engine: Engine,
    contract: Table,
    stored: DeltaTable | None,
    frame: DataFrame,
    metadata: str,
    batch: int | None = None,
) -> Changed:
    """Merge changes into a table, of which `stored` is the newest version; the caller holds its lock."""
    path = warehouse.path(contract.name)
    if stored is None:
        engine.create_empty(path, contract)
        stored = warehouse.open(contract.name)
    change = schema_change(shape(stored), contract)
    return engine.merge(path, contract, merge_of(contract, frame, batch), change, metadata)
