"""The graph as Dagster sees it: it loads without data, and its shape is written here so that a change is visible."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from olist_assets.catalog import catalog
from olist_assets.checks.kinds import checks_of
from olist_assets.contracts.calendar import PUBLISHED, Calendar
from olist_assets.definitions import MORE_CHECKS, build_defs
from olist_assets.lakehouse.order_days import store_calendar
from olist_assets.orchestration.assets import daily_partitions
from olist_assets.settings import Settings
from olist_assets_tests.conftest import PROJECT

GRAPH = """
bronze_customers
bronze_geolocation
bronze_order_events
bronze_order_items
bronze_order_payments
bronze_order_reviews
bronze_orders
bronze_product_category_translation
bronze_products
bronze_sellers
bronze_tombstones <- bronze_order_events
churn_model <- gold_customer_metrics
churn_model_champion <- churn_model
dashboard_refresh
gold_category_metrics <- gold_product_metrics silver_order_items silver_order_reviews
gold_customer_churn_predictions <- churn_model_champion gold_customer_metrics repurchase_model_champion \
silver_order_reviews silver_orders_master
gold_customer_metrics <- silver_customers silver_orders_master silver_purchases
gold_customer_segments_ml <- gold_customer_metrics segmentation_model_champion
gold_daily_metrics [daily] <- silver_orders_master
gold_demand_forecasts <- gold_forecast_evaluation silver_customers silver_order_items silver_purchases
gold_forecast_evaluation <- silver_customers silver_order_items silver_purchases
gold_geographic_metrics <- silver_customers silver_geolocation silver_orders_master
gold_ml_evaluation <- churn_model repurchase_model segmentation_model
gold_next_category <- gold_recommender_evaluation silver_customers silver_order_items silver_purchases
gold_price_elasticities <- gold_price_panel silver_products
gold_price_panel <- silver_order_items silver_purchases
gold_price_scenarios <- gold_price_elasticities gold_price_panel silver_products
gold_product_metrics <- silver_order_items silver_order_reviews silver_products silver_purchases
gold_product_recommendations <- gold_recommender_evaluation silver_order_items silver_products silver_purchases
gold_recommender_evaluation <- silver_customers silver_order_items silver_products silver_purchases
gold_reorder_points <- gold_forecast_evaluation silver_customers silver_order_items silver_purchases
gold_segment_profiles <- gold_customer_metrics gold_customer_segments_ml
gold_state_popular <- silver_customers silver_order_items silver_products silver_purchases
monitoring_durations
monitoring_incidents
monitoring_profiles
monitoring_stream
monitoring_tables
repurchase_model <- silver_order_reviews silver_orders_master
repurchase_model_champion <- repurchase_model
segmentation_model <- gold_customer_metrics
segmentation_model_champion <- segmentation_model
silver_customers <- bronze_customers
silver_geolocation <- bronze_geolocation
silver_order_items <- bronze_order_items silver_products
silver_order_payments <- bronze_order_payments
silver_order_reviews <- bronze_order_reviews
silver_orders [daily] <- bronze_orders silver_customers
silver_orders_master [daily] <- silver_customers silver_order_items silver_order_payments silver_order_reviews \
silver_orders
silver_products <- bronze_product_category_translation bronze_products
silver_purchases <- bronze_orders silver_customers
silver_rejects <- bronze_customers bronze_geolocation bronze_order_events bronze_order_items bronze_order_payments \
bronze_order_reviews bronze_orders bronze_product_category_translation bronze_products bronze_sellers
silver_sellers <- bronze_sellers
"""


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory) -> Settings:
    """Settings whose data and warehouse do not exist."""
    folder = tmp_path_factory.mktemp("nowhere")
    return Settings(data=folder / "data", warehouse=str(folder / "warehouse"), dagster_home=folder / "home")


@pytest.fixture(scope="module")
def definitions(nowhere) -> dg.Definitions:
    return build_defs(nowhere)


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_definitions_load_without_data_and_without_a_warehouse(nowhere, definitions):
    dg.Definitions.validate_loadable(definitions)
    assert not nowhere.data.exists()
    assert not nowhere.warehouse_path.exists()
    assert nowhere.dagster_home is not None
    assert not nowhere.dagster_home.exists()


def test_the_graph_is_as_written_here(graph):
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        daily = " [daily]" if node.partitions_def else ""
        lines.append(f"{key.to_user_string()}{daily}{' <- ' if parents else ''}{parents}")
    assert "\n".join(lines) == GRAPH.strip()


def test_without_a_warehouse_the_daily_tables_have_the_published_days_and_backfill_in_one_run(graph):
    days = daily_partitions(PUBLISHED)
    keys = days.get_partition_keys()
    assert (len(keys), keys[0], keys[-1]) == (774, "2016-09-04", "2018-10-17")
    assert catalog().daily_tables == ("silver_orders", "silver_orders_master", "gold_daily_metrics")
    for name in catalog().daily_tables:
        node = graph.get(dg.AssetKey(name))
        assert node.partitions_def == days
        assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_daily_tables_have_the_days_of_the_settings_else_those_of_the_last_snapshot(settings, warehouse):
    first, last = PUBLISHED.first, PUBLISHED.first.replace(day=9)

    def keys(of: Settings) -> list[str]:
        days = build_defs(of).resolve_asset_graph().get(dg.AssetKey("gold_daily_metrics")).partitions_def
        assert days is not None
        return list(days.get_partition_keys())

    warehouse.require_writable()
    store_calendar(warehouse, Calendar(first, last))
    assert keys(settings) == [f"2016-09-0{day}" for day in range(4, 10)]
    assert keys(settings.model_copy(update={"days": "2017-01-01..2017-01-02"})) == ["2017-01-01", "2017-01-02"]


def test_the_catalogue_shows_what_the_contract_says(graph):
    for name, contract in catalog().tables.items():
        node = graph.get(dg.AssetKey(name))
        assert contract.description in str(node.description)
        assert contract.grain in str(node.description)
        assert node.kinds == set(contract.kinds)
        assert node.owners
        shown = node.metadata["dagster/column_schema"].columns
        assert [(c.name, c.type, c.description, c.constraints.nullable) for c in shown] == [
            (c.name, c.type, c.description, c.nullable) for c in contract.columns
        ]
    computed_by = {kind for table in catalog().business_tables.values() for kind in table.kinds - {"deltalake"}}
    assert computed_by == {"pyspark", "duckdb", "mlflow"}
    # A table is computed by an engine, or from Arrow rows with DuckDB.
    kinds = {table.kinds - {"mlflow"} for table in catalog().business_tables.values()}
    assert kinds == {frozenset({"pyspark", "deltalake"}), frozenset({"duckdb", "deltalake"})}


def test_each_table_has_its_checks_in_one_step(graph, definitions):
    for name, contract in catalog().tables.items():
        keys = {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(name)}
        more = {check.name for check in MORE_CHECKS.get(name, list)()}
        assert keys == {check.name for check in checks_of(contract, catalog().tables)} | more
    steps = {checks.node_def.name for checks in definitions.asset_checks or []}
    assert steps == {f"{name}_checks" for name in (*catalog().tables, *catalog().models)}


def test_a_resource_can_be_replaced(nowhere):
    own = dg.ResourceDefinition.hardcoded_resource("own")
    assert (build_defs(nowhere, resource_overrides={"calendar": own}).resources or {})["calendar"] is own


def test_workspace_and_instance_files_name_what_exists():
    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "olist_assets.definitions"
    instance = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    assert instance["event_log_storage"]["class"] == "BatchedSqliteEventLogStorage"


def test_dagsters_own_command_lists_every_asset_without_data(tmp_path):
    # `dg list defs` loads and validates the code location as `dg check defs` does; one cold start is enough.
    dg_command = Path(sys.executable).with_name("dg")
    environment = {"OLIST_DATA": str(tmp_path / "data"), "OLIST_WAREHOUSE": str(tmp_path / "warehouse")}
    listed = subprocess.run(
        [dg_command, "list", "defs", "--json"], cwd=PROJECT, env=os.environ | environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert all(f'"{name}"' in listed.stdout for name in catalog().functions)
    assert [*tmp_path.iterdir()] == []
