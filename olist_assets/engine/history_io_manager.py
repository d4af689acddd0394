"""The IO manager of tables of history and of derived rows, which needs no engine."""

import dagster as dg
import pyarrow as pa

from olist_assets.lakehouse.history_table import Row, append_new, replace_rows
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.warehouse import Warehouse


class HistoryIOManager(dg.ConfigurableIOManager):
    """Appends those of an asset's rows whose key is not stored yet; rows of a derived table replace the stored ones."""

    warehouse: dg.ResourceDependency[Warehouse]

    def handle_output(self, context: dg.OutputContext, obj: list[Row]) -> None:
        """Store the rows and report how many of them are new."""
        contract = self.warehouse.catalog.table(context.asset_key.to_user_string())
        store = replace_rows if contract.is_derived else append_new
        added = store(self.warehouse, contract, obj)
        stored = self.warehouse.open(contract.name)
        context.add_output_metadata(
            {
                "dagster/row_count": statistics(stored).rows,
                "rows_added": added,
                "delta_version": stored.version(),
                "path": dg.MetadataValue.path(str(self.warehouse.path(contract.name))),
            }
        )

    def load_input(self, context: dg.InputContext) -> pa.Table:
        """The whole table. Raises TableMissing and ForeignFiles."""
        return self.warehouse.rows(self.warehouse.open(context.asset_key.to_user_string()))
