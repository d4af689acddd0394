"""Column lineage: the file agrees with Spark's query plans, and with a person's reading of the functions."""

from typing import Any, cast

import dagster as dg
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.column_lineage import FILE, column_lineage
from olist_assets.orchestration.assets import asset_of, daily_partitions
from olist_assets.silver.silver_orders import SILVER_ORDERS, silver_orders
from tools.column_lineage import derived_lineage, file_text, lineage_of, result_of

BY_HAND = {
    "silver_orders.delivery_days": "bronze_orders.order_delivered_customer_date bronze_orders.order_purchase_timestamp",
    "silver_orders_master.customer_city": "silver_customers.customer_city",
    "silver_orders_master.avg_review_score": "silver_order_reviews.review_score",
    "silver_orders_master.order_total_value": (
        "silver_order_items.freight_value silver_order_items.price silver_order_payments.total_payment_value"
    ),
    "silver_order_payments.primary_payment_type": "bronze_order_payments.payment_type",
    "silver_order_reviews.review_comment_title": "bronze_order_reviews.review_comment_title",
    "gold_daily_metrics.revenue": "silver_orders_master.order_total_value",
    "gold_daily_metrics.revenue_yoy_growth": "silver_orders_master.order_total_value",
    "gold_daily_metrics.order_date": "",
    "gold_customer_metrics.frequency": "",
    "gold_customer_metrics.recency_score": "silver_orders_master.order_date",
    "gold_customer_metrics.monetary_score": "silver_orders_master.order_total_value",
    "gold_customer_metrics.rfm_score": "silver_orders_master.order_date silver_orders_master.order_total_value",
    "gold_geographic_metrics.unique_customers": "silver_orders_master.customer_unique_id",
    "gold_product_metrics.revenue_rank": "silver_order_items.price",
    "gold_segment_profiles.segment": "gold_customer_metrics.customer_segment gold_customer_segments_ml.segment_label",
    "gold_customer_churn_predictions.is_churned": "gold_customer_metrics.recency_days",
}


@pytest.mark.parametrize(("column", "origins"), BY_HAND.items())
def test_the_file_agrees_with_a_reading_of_the_function(column: str, origins: str):
    name, field = column.split(".")
    assert " ".join(".".join(origin) for origin in column_lineage()[name][field]) == origins


@pytest.mark.spark
def test_the_file_agrees_with_the_query_plans(spark):
    assert FILE.read_text() == file_text(derived_lineage(spark)), f"{FILE.name} is out of date: run make docs"


@pytest.mark.spark
def test_a_changed_function_changes_the_lineage(spark):
    def changed(bronze_orders: DataFrame, silver_customers: DataFrame) -> DataFrame:
        approved = bronze_orders.withColumn("order_delivered_customer_date", F.col("order_approved_at"))
        return cast(DataFrame, silver_orders(approved, silver_customers))

    before, after = column_lineage()["silver_orders"], lineage_of(result_of(spark, SILVER_ORDERS, changed))
    assert {name for name, origins in after.items() if origins != before[name]} == {
        "order_delivered_customer_date", "delivery_days", "delivery_delay",
    }  # fmt: skip


def test_each_table_computed_from_tables_is_in_the_file_with_all_its_columns(tables: Catalog):
    computed = {name for name in tables.tables if upstream_tables(tables, name)}
    assert computed  # and so the comparison compares something
    assert set(column_lineage()) == computed
    for name, columns in column_lineage().items():
        assert tuple(columns) == tables.table(name).column_names


def test_every_origin_is_a_column_of_a_table_that_the_function_reads(tables: Catalog):
    for name, columns in column_lineage().items():
        origins = {origin for found in columns.values() for origin in found}
        assert {table for table, _ in origins} <= upstream_tables(tables, name)
        assert all(column in tables.table(table).column_names for table, column in origins)


def upstream_tables(catalog: Catalog, name: str) -> set[str]:
    return set(catalog.parents(name)) & set(catalog.tables)


def test_dagsters_catalog_has_the_lineage(tables: Catalog):
    lineage = asset_metadata(tables, "gold_daily_metrics")["dagster/column_lineage"]
    assert lineage.deps_by_column["revenue"] == [dg.TableColumnDep("silver_orders_master", "order_total_value")]
    assert "dagster/column_lineage" not in asset_metadata(tables, "bronze_orders")


def asset_metadata(catalog: Catalog, name: str) -> dict[str, Any]:
    asset = asset_of(catalog.functions[name], daily_partitions(PUBLISHED))
    return dict(asset.metadata_by_key[dg.AssetKey(name)])
