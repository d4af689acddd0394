"""A run of daily and undated assets plans days for the daily ones only, whichever asset comes last."""

from collections import Counter

import dagster as dg
import pytest
from dagster import DagsterEventType
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from olist_assets.orchestration.instance import instance

DAYS = dg.DailyPartitionsDefinition(start_date="2018-01-01", end_date="2018-02-10")
TAGS = {"dagster/asset_partition_range_start": "2018-01-03", "dagster/asset_partition_range_end": "2018-01-07"}


def daily_and_undated(daily_name: str, undated_name: str, *, failing: bool = False) -> dg.JobDefinition:
    """A job of an undated asset that reads a daily one."""

    @dg.asset(name=daily_name, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def daily() -> dg.MaterializeResult:
        if failing:
            raise dg.Failure("the disk is full")
        return dg.MaterializeResult()

    @dg.asset(name=undated_name, deps=[daily])
    def undated() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    defs = dg.Definitions([daily, undated], jobs=[dg.define_asset_job("all")], executor=dg.in_process_executor)
    return defs.resolve_job_def("all")


@pytest.mark.parametrize(("daily_name", "undated_name"), [("first", "last"), ("last", "first")])
def test_only_the_daily_asset_plans_days(settings, daily_name, undated_name):
    job = daily_and_undated(daily_name, undated_name)
    with instance(settings) as storage:
        run = job.execute_in_process(instance=storage, tags=TAGS).dagster_run
        planned = storage.get_records_for_run(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
        counts = Counter(
            (str(event.asset_key and event.asset_key.to_user_string()), event.partition is not None)
            for record in planned.records
            if (event := record.event_log_entry.dagster_event)
        )
        assert counts == {(daily_name, True): 5, (undated_name, False): 1}
        statuses = storage.get_status_by_partition(dg.AssetKey(daily_name), DAYS.get_partition_keys(), DAYS) or {}
        made = {day for day, status in statuses.items() if status == AssetPartitionStatus.MATERIALIZED}
        assert made == {f"2018-01-0{day}" for day in range(3, 8)}
        stored = storage.get_run_by_id(run.run_id)
        assert stored
        assert stored.is_partitioned


def test_the_days_of_a_failed_run_are_failed(settings):
    job = daily_and_undated("last", "first", failing=True)
    with instance(settings) as storage:
        assert not job.execute_in_process(instance=storage, tags=TAGS, raise_on_error=False).success
        statuses = storage.get_status_by_partition(dg.AssetKey("last"), DAYS.get_partition_keys(), DAYS) or {}
    failed = {day for day, status in statuses.items() if status == AssetPartitionStatus.FAILED}
    assert failed == {f"2018-01-0{day}" for day in range(3, 8)}
