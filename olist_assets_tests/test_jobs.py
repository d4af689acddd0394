"""The jobs: what each makes, and the pools that keep runs of one table apart."""

from typing import Any

import dagster as dg
import pytest
import yaml

from olist_assets.definitions import build_defs
from olist_assets.engine.upkeep import WEEK_HOURS, Footprint
from olist_assets.jobs import DAILY, EVERYTHING, MAINTENANCE, MONITORING, STREAM, MaintenanceConfig
from olist_assets_tests.conftest import PROJECT, settings_in


@pytest.fixture(scope="module")
def defs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    return build_defs(settings_in(folder, folder))


def assets_of(defs: dg.Definitions, job: str) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}


def test_the_jobs_make_what_their_names_say(defs, tables):
    assert assets_of(defs, DAILY) == set(tables.daily_tables)
    assert assets_of(defs, EVERYTHING) == {*tables.business_tables, *tables.models, *tables.promotions}
    monitored = {name for name, table in tables.tables.items() if table.layer == "monitoring"}
    assert assets_of(defs, MONITORING) == monitored | {"dashboard_refresh"}
    assert assets_of(defs, MAINTENANCE) == assets_of(defs, STREAM) == set()


def test_monitoring_checks_the_freshness_of_every_table_that_states_one(defs, tables):
    layer = defs.resolve_job_def(MONITORING).asset_layer
    checked = {
        key.asset_key.to_user_string() for key in layer.asset_graph.asset_check_keys if key.name == "data_are_fresh"
    }
    assert checked == {name for name, table in tables.business_tables.items() if table.thresholds.freshness}
    assert checked


def test_monitoring_runs_all_checks_of_the_stream_whose_tables_no_run_writes(defs, tables):
    layer = defs.resolve_job_def(MONITORING).asset_layer
    checked = {(key.asset_key.to_user_string(), key.name) for key in layer.asset_graph.asset_check_keys}
    assert {("monitoring_stream", "stream_is_running"), ("bronze_tombstones", "table_and_key_are_unique")} <= checked


def test_each_table_is_a_pool_of_one_run(defs, tables):
    graph = defs.resolve_asset_graph()
    for name in tables.functions:
        assert graph.get(dg.AssetKey(name)).pools == {name}
    pools = yaml.safe_load((PROJECT / "dagster.yaml").read_text())["concurrency"]["pools"]
    assert pools == {"default_limit": 1, "granularity": "run"}


def test_maintenance_observes_each_table_with_its_size_before_and_after(defs, monkeypatch):
    asked: dict[str, Any] = {}

    def maintain(_warehouse, _spark, on_done, **options: Any) -> None:
        asked.update(options)
        on_done("silver_orders", Footprint(3, 30, 9, 90, 5), Footprint(1, 30, 1, 30, 2))

    monkeypatch.setattr("olist_assets.jobs.maintain", maintain)
    config = MaintenanceConfig(tables=["silver_orders"], retention_hours=200, force=True)
    with dg.DagsterInstance.ephemeral() as instance:
        run = defs.resolve_job_def(MAINTENANCE).execute_in_process(
            instance=instance, run_config=dg.RunConfig(ops={"maintain_tables": config})
        )
        (record,) = instance.fetch_observations(dg.AssetKey("silver_orders"), limit=10).records
    assert run.success
    assert asked == {"names": ["silver_orders"], "retention_hours": 200, "force": True}
    observed = record.event_log_entry.asset_observation
    assert observed is not None
    sizes = {name: value.value for name, value in observed.metadata.items()}
    assert (sizes["files_before"], sizes["files_after"], sizes["bytes_on_disk_after"]) == (3, 1, 30)


def test_maintenance_keeps_files_of_a_week_by_default():
    assert MaintenanceConfig().retention_hours == WEEK_HOURS == 168
