"""The batched event log: the same rows and answers as Dagster's own, also with two processes that write at once."""

import os
import subprocess
import sys
from collections.abc import Callable

import dagster as dg
import pytest
from dagster import DagsterEventType
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage

from olist_assets.orchestration.event_log import BATCH_SIZE, BATCH_VARIABLE, BatchedSqliteEventLogStorage
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets_tests.conftest import PROJECT, environment, settings_in

DAYS = dg.DailyPartitionsDefinition(start_date="2018-01-01", end_date="2018-02-10")
TAGS = {"dagster/asset_partition_range_start": "2018-01-01", "dagster/asset_partition_range_end": "2018-02-09"}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def daily() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 7}, tags={"kind": "test"})


@dg.asset(deps=[daily])
def whole() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})


@dg.asset_check(asset=whole)
def whole_is_whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, metadata={"rows": 3})


DEFS = dg.Definitions(
    assets=[daily, whole],
    asset_checks=[whole_is_whole],
    jobs=[dg.define_asset_job("all")],
    executor=dg.in_process_executor,
)


def run_with(storage, folder, monkeypatch, batch="500"):
    """The answers of an instance with an event log after two runs of the graph, without times and ids."""
    folder.mkdir()
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    config = {"module": storage.__module__, "class": storage.__name__, "config": {"base_dir": str(folder / "events")}}
    with dg.instance_for_test(overrides={"event_log_storage": config}, temp_dir=str(folder)) as instance:
        return answers_after_two_runs(instance)


def answers_after_two_runs(instance):
    for number in range(2):
        DEFS.resolve_job_def("all").execute_in_process(instance=instance, tags=TAGS, run_id=f"{'0' * 31}{number}")
    key = dg.AssetKey("daily")
    check = dg.AssetCheckKey(dg.AssetKey("whole"), "whole_is_whole")
    log = instance.event_log_storage
    records = instance.get_asset_records([key, dg.AssetKey("whole")])
    return {
        "partitions": sorted(log.get_materialized_partitions(key)),
        "status": instance.get_status_by_partition(key, DAYS.get_partition_keys(), DAYS),
        "records": sorted(
            (
                record.asset_entry.asset_key.to_user_string(),
                record.asset_entry.last_run_id,
                record.asset_entry.last_materialization.asset_materialization.metadata["dagster/row_count"].value,
                record.asset_entry.last_materialization.asset_materialization.partition,
                record.asset_entry.last_planned_materialization_run_id,
            )
            for record in records
        ),
        "tags": sorted(
            (partition, sorted(tags))
            for partition, tags in log.get_latest_tags_by_partition(
                key, DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
            ).items()
        ),
        "check": [
            (record.status.value, record.run_id) for record in log.get_asset_check_execution_history(check, limit=10)
        ],
        "events": [
            (entry.dagster_event_type, entry.dagster_event.partition, entry.step_key)
            for entry in log.get_logs_for_run("0" * 32)
        ],
    }


@pytest.mark.parametrize("batch", ["500", "7"])
def test_the_same_answers_as_dagsters_own_storage(tmp_path, monkeypatch, batch):
    own = run_with(ConsolidatedSqliteEventLogStorage, tmp_path / "own", monkeypatch, batch="0")
    ours = run_with(BatchedSqliteEventLogStorage, tmp_path / "ours", monkeypatch, batch=batch)
    assert len(own["partitions"]) == 40
    for question, answer in own.items():
        assert ours[question] == answer, question


@pytest.fixture
def batch_size(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str | None]:
    """The size of batches in the environment, which is unset before the test and restored after it."""
    monkeypatch.setenv(BATCH_VARIABLE, "restored after the test")
    monkeypatch.delenv(BATCH_VARIABLE)
    return lambda: os.environ.get(BATCH_VARIABLE)


def test_the_storage_sets_the_size_of_batches_unless_it_is_set(tmp_path, batch_size, monkeypatch):
    BatchedSqliteEventLogStorage(str(tmp_path))
    assert batch_size() == BATCH_SIZE == "500"
    monkeypatch.setenv(BATCH_VARIABLE, "7")
    BatchedSqliteEventLogStorage(str(tmp_path))
    assert batch_size() == "7"


def test_dagster_hands_events_over_in_batches_by_default(tmp_path, batch_size, monkeypatch):
    sizes: list[int] = []
    store = BatchedSqliteEventLogStorage.store_event_batch

    def counted(storage, events):
        sizes.append(len(events))
        store(storage, events)

    monkeypatch.setattr(BatchedSqliteEventLogStorage, "store_event_batch", counted)
    storage = BatchedSqliteEventLogStorage
    config = {"module": storage.__module__, "class": storage.__name__, "config": {"base_dir": str(tmp_path / "events")}}
    with dg.instance_for_test(overrides={"event_log_storage": config}, temp_dir=str(tmp_path)) as instance:
        assert DEFS.resolve_job_def("all").execute_in_process(instance=instance, tags=TAGS).success
    # All materializations of the 40 days at once, instead of one by one.
    assert max(sizes) >= 40


def test_a_batch_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    storage = BatchedSqliteEventLogStorage(str(tmp_path))

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(BatchedSqliteEventLogStorage, "_store_asset_event", fail)
    with dg.instance_for_test() as instance:
        result = dg.materialize([whole], instance=instance)
        entries = [
            e
            for e in instance.all_logs(result.run_id)
            if e.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION
        ]
    with pytest.raises(OSError, match="disk full"):
        storage.store_event_batch(entries * 2)
    assert len(storage.get_logs_for_run(result.run_id)) == 0


WRITER = """
from olist_assets.orchestration.instance import instance
from olist_assets.settings import Settings
from olist_assets_tests.orchestration.test_event_log import DEFS, TAGS
with instance(Settings()) as storage:
    for _ in range(3):
        assert DEFS.resolve_job_def("all").execute_in_process(instance=storage, tags=TAGS).success
"""


def write_in_two_processes(settings: Settings, **variables: str) -> None:
    """Three runs in each of two processes that start at once; both must succeed and store every batch."""
    command = [sys.executable, "-W", "ignore", "-c", WRITER]
    env = os.environ | environment(settings) | variables
    writers = [subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], errors
    assert not [text for text in errors if "Exception while storing event batch" in text]


def test_two_processes_start_and_write_at_once_and_no_event_is_lost(tmp_path, sample):
    settings = settings_in(tmp_path, sample)
    write_in_two_processes(settings, DAGSTER_EVENT_BATCH_SIZE="50")
    with instance(settings) as storage:
        assert isinstance(storage.event_log_storage, BatchedSqliteEventLogStorage)
        records = storage.event_log_storage.fetch_materializations(dg.AssetKey("daily"), limit=1000).records
    assert len(records) == 2 * 3 * 40
