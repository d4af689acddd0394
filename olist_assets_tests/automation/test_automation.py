"""The automation conditions: which asset follows what, off until turned on, and never because of changed code."""

import dagster as dg
import pytest

from olist_assets.automation import HOURLY, NIGHTLY, WEEKLY, check_condition, condition_of
from olist_assets.definitions import build_defs
from olist_assets.orchestration.assets import asset_of, daily_partitions
from olist_assets_tests.conftest import settings_in

STREAMED = ("bronze_order_events", "bronze_tombstones", "monitoring_stream")


@pytest.fixture(scope="module")
def defs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("automation")
    return build_defs(settings_in(folder, folder))


def test_every_asset_is_requested_by_somebody(defs, tables):
    graph = defs.resolve_asset_graph()
    without = {
        key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).automation_condition is None
    }
    # These are requested by the sensors `orders_changed` and `order_events`.
    assert without == {*tables.daily_tables, *STREAMED}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("bronze_orders", f"on_cron({NIGHTLY}, UTC)"),
        ("silver_rejects", "eager"),
        ("gold_product_metrics", "eager"),
        ("gold_segment_profiles", "eager"),
        ("churn_model", f"on_cron({WEEKLY}, UTC)"),
        ("churn_model_champion", "eager"),
        ("gold_forecast_evaluation", f"on_cron({WEEKLY}, UTC)"),
        ("gold_recommender_evaluation", f"on_cron({WEEKLY}, UTC)"),
        ("gold_price_elasticities", f"on_cron({WEEKLY}, UTC)"),
        ("gold_price_panel", "eager"),
        ("gold_demand_forecasts", "eager"),
        ("gold_customer_churn_predictions", "eager"),
        ("monitoring_tables", f"on_cron({HOURLY}, UTC)"),
        ("dashboard_refresh", f"on_cron({HOURLY}, UTC)"),
    ],
)
def test_what_an_asset_follows(defs, tables, name, label):
    condition = defs.resolve_asset_graph().get(dg.AssetKey(name)).automation_condition
    assert condition.get_label() == label


def test_freshness_and_the_stream_are_checked_hourly_though_no_run_writes_their_tables(defs, tables):
    graph = defs.resolve_asset_graph()
    checks = {key for key in graph.asset_check_keys if graph.get(key).automation_condition is not None}
    streamed = {key for key in graph.asset_check_keys if key.asset_key.to_user_string() in STREAMED}
    assert checks > streamed
    assert {key.name for key in checks - streamed} == {"data_are_fresh", "commit_is_on_time"}
    assert check_condition(tables.orders, "row_count_is_positive") is None


def test_everything_is_off_until_it_is_turned_on(defs):
    sensors = {sensor.name: sensor.default_status for sensor in defs.sensors}
    assert {sensors[name] for name in ("automation", "orders_changed", "order_events")} == {
        dg.DefaultSensorStatus.STOPPED
    }
    (schedule,) = defs.schedules
    assert (schedule.name, schedule.default_status) == ("maintain_weekly", dg.DefaultScheduleStatus.STOPPED)


def graph_of(tables, *names: str, code_versions: dict[str, str] | None = None) -> dg.Definitions:
    """Empty assets with the conditions of the real ones."""

    def empty(name: str) -> dg.AssetsDefinition:
        deps = [parent for parent in tables.parents(name) if parent in names]

        @dg.asset(
            key=name,
            deps=deps,
            automation_condition=condition_of(name, tables),
            code_version=(code_versions or {}).get(name, "1"),
        )
        def made() -> None: ...

        return made

    return dg.Definitions([empty(name) for name in names])


def requested(defs: dg.Definitions, instance: dg.DagsterInstance, cursor=None):
    result = dg.evaluate_automation_conditions(defs, instance, cursor=cursor)
    keys = defs.resolve_asset_graph().get_all_asset_keys()
    return {key.to_user_string() for key in keys if result.get_num_requested(key)}, result.cursor


CHAIN = (
    "silver_customers", "silver_purchases", "silver_orders_master", "gold_customer_metrics", "gold_segment_profiles",
)  # fmt: skip


def write(instance: dg.DagsterInstance, *names: str) -> None:
    for name in names:
        instance.report_runless_asset_event(dg.AssetMaterialization(name))


def test_a_table_over_a_daily_one_waits_for_it_instead_of_following_what_changes_it(tables):
    defs = graph_of(tables, *CHAIN)
    with dg.DagsterInstance.ephemeral() as instance:
        write(instance, *CHAIN)
        _, cursor = requested(defs, instance)
        write(instance, "silver_customers", "silver_purchases")
        names, cursor = requested(defs, instance, cursor)
        assert not names & {"gold_customer_metrics", "gold_segment_profiles"}
        write(instance, "silver_orders_master")
        names, cursor = requested(defs, instance, cursor)
        assert names >= {"gold_customer_metrics", "gold_segment_profiles"}


def test_forecasts_follow_new_sales_with_the_champions_of_the_last_evaluation(tables):
    sales = "silver_customers", "silver_order_items", "silver_purchases"
    defs = graph_of(tables, *sales, "gold_forecast_evaluation", "gold_demand_forecasts")
    with dg.DagsterInstance.ephemeral() as instance:
        write(instance, *sales, "gold_forecast_evaluation", "gold_demand_forecasts")
        _, cursor = requested(defs, instance)
        write(instance, *sales)
        names, cursor = requested(defs, instance, cursor)
        assert "gold_demand_forecasts" in names
        assert "gold_forecast_evaluation" not in names
        write(instance, "gold_forecast_evaluation", "gold_demand_forecasts")
        _, cursor = requested(defs, instance, cursor)
        write(instance, "gold_forecast_evaluation")
        assert "gold_demand_forecasts" in requested(defs, instance, cursor)[0]


def test_changed_code_requests_nothing(tables):
    with dg.DagsterInstance.ephemeral() as instance:
        before = graph_of(tables, *CHAIN)
        write(instance, *CHAIN)
        _, cursor = requested(before, instance)
        after = graph_of(tables, *CHAIN, code_versions={"gold_customer_metrics": "2"})
        assert requested(after, instance, cursor)[0] == set()


def test_the_daily_tables_are_partitioned_by_the_days_of_the_calendar(tables, platform):
    days = daily_partitions(platform.calendar)
    for name in tables.daily_tables:
        assert asset_of(tables.functions[name], days).partitions_def == days
