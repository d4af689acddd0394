"""The graph as Dagster sees it: it loads, and its shape is written down here so that a change is seen."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import yaml

from olist_assets.catalog import all_tables, models, tables
from olist_assets.checks.kinds import checks_of
from olist_assets.definitions import defs
from olist_assets.partitions import daily_orders

PROJECT = Path(__file__).resolve().parents[1]

GRAPH = """
bronze_customers
bronze_geolocation
bronze_order_items
bronze_order_payments
bronze_order_reviews
bronze_orders
bronze_product_category_translation
bronze_products
bronze_sellers
churn_model <- gold_customer_metrics
dashboard_refresh
gold_category_metrics <- gold_product_metrics silver_order_items silver_order_reviews
gold_customer_churn_predictions <- churn_model gold_customer_metrics repurchase_model silver_order_reviews \
silver_orders_master
gold_customer_metrics <- bronze_customers bronze_orders silver_orders_master
gold_customer_segments_ml <- gold_customer_metrics segmentation_model
gold_daily_metrics [daily] <- silver_orders_master
gold_geographic_metrics <- bronze_customers bronze_geolocation silver_orders_master
gold_ml_evaluation <- churn_model repurchase_model segmentation_model
gold_product_metrics <- bronze_orders bronze_product_category_translation bronze_products silver_order_items \
silver_order_reviews
gold_segment_profiles <- gold_customer_metrics gold_customer_segments_ml
monitoring_durations
monitoring_tables
repurchase_model <- silver_order_reviews silver_orders_master
segmentation_model <- gold_customer_metrics
silver_order_items <- bronze_order_items bronze_product_category_translation bronze_products
silver_order_payments <- bronze_order_payments
silver_order_reviews <- bronze_order_reviews
silver_orders [daily] <- bronze_orders
silver_orders_master [daily] <- bronze_customers silver_order_items silver_order_payments silver_order_reviews \
silver_orders
silver_rejects <- bronze_order_items bronze_order_payments bronze_order_reviews bronze_orders
"""


def test_definitions_are_loadable():
    dg.Definitions.validate_loadable(defs)


def test_the_graph_is_as_written_down():
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        daily = " [daily]" if node.partitions_def else ""
        lines.append(f"{key.to_user_string()}{daily}{' <- ' if parents else ''}{parents}")
    assert "\n".join(lines) == GRAPH.strip()


def test_daily_tables_have_every_day_of_the_data_and_backfill_in_one_run():
    keys = daily_orders.get_partition_keys()
    assert (len(keys), keys[0], keys[-1]) == (774, "2016-09-04", "2018-10-17")
    graph = defs.resolve_asset_graph()
    for name in ("silver_orders", "silver_orders_master", "gold_daily_metrics"):
        node = graph.get(dg.AssetKey(name))
        assert node.partitions_def == daily_orders
        assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_catalogue_shows_what_the_contract_says():
    graph = defs.resolve_asset_graph()
    for name, contract in tables().items():
        node = graph.get(dg.AssetKey(name))
        assert contract.grain in str(node.description)
        assert node.kinds == {"pyspark", "deltalake"}
        assert node.owners
        assert [column.name for column in node.metadata["dagster/column_schema"].columns] == list(contract.column_names)


def test_each_table_has_its_checks_in_one_step():
    graph = defs.resolve_asset_graph()
    for name, contract in tables().items():
        keys = {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(name)}
        assert keys == {check.name for check in checks_of(contract)}
    steps = {checks.node_def.name for checks in defs.asset_checks or []}
    assert len(steps) == len(all_tables()) + len(models())


def test_workspace_and_instance_files_name_what_exists():
    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "olist_assets.definitions"
    instance = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    assert instance["event_log_storage"]["class"] == "BatchedSqliteEventLogStorage"


def test_dagsters_own_commands_agree():
    dg_command = Path(sys.executable).with_name("dg")
    checked = subprocess.run([dg_command, "check", "defs"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = subprocess.run(
        [dg_command, "list", "defs", "--json"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert all(f'"{name}"' in listed.stdout for name in tables())
