"""What the IO manager reports about days outside a run reaches the event log in one batch."""

from typing import Any

import dagster as dg

from olist_assets.orchestration.batched_io_manager import BatchedDeltaIOManager
from olist_assets.orchestration.event_log import BatchedSqliteEventLogStorage
from olist_assets.orchestration.instance import instance

DAYS = dg.DailyPartitionsDefinition(start_date="2018-01-01", end_date="2018-02-10")
OTHER_DAYS = DAYS.get_partition_keys()[1:]


class ReportsOtherDays(BatchedDeltaIOManager):
    """Writes nothing, and reports all days but the first."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:  # noqa: ARG002
        self.log_materializations(
            context, [dg.AssetMaterialization(context.asset_key, partition=day) for day in OTHER_DAYS]
        )


@dg.asset(partitions_def=DAYS)
def daily() -> int:
    return 1


def test_days_outside_the_run_are_one_batch(settings, monkeypatch):
    batches: list[int] = []
    store = BatchedSqliteEventLogStorage.store_event_batch

    def counted(storage, events):
        batches.append(len(events))
        store(storage, events)

    monkeypatch.setattr(BatchedSqliteEventLogStorage, "store_event_batch", counted)
    unused = dg.ResourceDefinition.none_resource()
    manager = ReportsOtherDays(warehouse=unused, engine=unused, schema_policy=unused, calendar=unused)
    with instance(settings) as storage:
        result = dg.materialize(
            [daily], instance=storage, partition_key="2018-01-01", resources={"io_manager": manager}
        )
        assert result.success
        assert len(OTHER_DAYS) in batches
        assert storage.get_materialized_partitions(daily.key) == {*DAYS.get_partition_keys()}
