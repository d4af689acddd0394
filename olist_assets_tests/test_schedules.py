"""The schedules: off, one partition a day, and the pools that keep runs of a table apart."""

from datetime import datetime

import dagster as dg
import pytest
import yaml

from olist_assets.catalog import models, tables
from olist_assets.definitions import defs
from olist_assets.jobs import DAILY_TABLES
from olist_assets.schedules import make_yesterday_nightly, schedules
from olist_assets_tests.conftest import PROJECT


def tick(day):
    at = datetime.fromisoformat(f"{day}T03:00:00+00:00")
    return make_yesterday_nightly(dg.build_schedule_context(scheduled_execution_time=at))


def test_every_schedule_is_off_until_somebody_turns_it_on():
    assert {schedule.name for schedule in schedules} == {
        "read_source_nightly",
        "make_yesterday_nightly",
        "maintain_weekly",
        "monitor_hourly",
    }
    assert all(schedule.default_status == dg.DefaultScheduleStatus.STOPPED for schedule in schedules)


def test_a_tick_asks_for_the_day_before_it_with_that_days_tags():
    request = tick("2017-11-25")
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("2017-11-24", "2017-11-24")
    assert request.tags["olist/day"] == "2017-11-24"


@pytest.mark.parametrize("day", ["2016-09-04", "2018-10-19"])
def test_a_day_that_the_data_does_not_have_is_skipped_with_the_reason(day):
    skipped = tick(day)
    assert isinstance(skipped, dg.SkipReason)
    assert "its days were 2016-09-04 to 2018-10-17" in str(skipped.skip_message)


def test_the_jobs_make_what_their_names_say():
    chosen = {
        name: {key.to_user_string() for key in defs.resolve_job_def(name).asset_layer.executable_asset_keys}
        for name in ("daily", "snapshots", "olist")
    }
    assert chosen["daily"] == set(DAILY_TABLES) == {"silver_orders", "silver_orders_master", "gold_daily_metrics"}
    assert chosen["olist"] == {*tables(), *models()}
    # All that a day is joined with, and no day of it.
    assert {"bronze_orders", "silver_order_payments"} <= chosen["snapshots"]
    assert not chosen["snapshots"] & chosen["daily"]


def test_each_table_is_a_pool_of_one_run():
    graph = defs.resolve_asset_graph()
    for name in tables():
        assert graph.get(dg.AssetKey(name)).pools == {name}
    pools = yaml.safe_load((PROJECT / "dagster.yaml").read_text())["concurrency"]["pools"]
    assert pools == {"default_limit": 1, "granularity": "run"}
