"""A table as the assets that read it get it."""

from pyspark.sql import DataFrame

from olist_assets.contracts.table import Table
from olist_assets.engine.engine import Engine
from olist_assets.lakehouse.warehouse import TableMissing, Warehouse


def upstream_frame(warehouse: Warehouse, engine: Engine, contract: Table) -> DataFrame:
    """A table as its readers get it. Raises TableMissing, except for an optional one, which has no rows then."""
    try:
        return engine.read_table(warehouse.open(contract.name))
    except TableMissing:
        if not contract.is_optional:
            raise
        return engine.no_rows(contract)
