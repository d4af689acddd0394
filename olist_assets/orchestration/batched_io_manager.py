"""The IO manager of a run: what it logs about many days at once is one batch in the event log."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.events import DagsterEventBatchMetadata, generate_event_batch_id

from olist_assets.engine.io_manager import DeltaIOManager


class BatchedDeltaIOManager(DeltaIOManager):
    """The rerun of a day changes a year of trailing columns: one transaction per day would take longer than the day."""

    def log_materializations(
        self, context: dg.OutputContext, materializations: Sequence[dg.AssetMaterialization]
    ) -> None:
        """Log materializations in one batch, as Dagster does for the partitions of the run itself."""
        batch = generate_event_batch_id()
        for number, materialization in enumerate(materializations, 1):
            position = DagsterEventBatchMetadata(batch, is_end=number == len(materializations))
            dg.DagsterEvent.asset_materialization(context.step_context, materialization, position)
