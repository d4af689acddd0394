"""Column lineage: what the file says is what Spark's plans say, and what a reader of the functions would say."""

from typing import cast

import dagster as dg
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.catalog import table, tables
from olist_assets.contracts.column_lineage import FILE, column_lineage
from olist_assets.definitions import defs
from olist_assets.silver.silver_orders import SILVER_ORDERS, silver_orders
from tools.column_lineage import derived, lineage_of, returned, written

BY_HAND = {
    "silver_orders.delivery_days": "bronze_orders.order_delivered_customer_date bronze_orders.order_purchase_timestamp",
    "silver_orders_master.customer_city": "bronze_customers.customer_city",
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
    "gold_product_metrics.revenue_rank": "silver_order_items.price",
    "gold_segment_profiles.segment": "gold_customer_metrics.customer_segment gold_customer_segments_ml.segment_label",
    "gold_customer_churn_predictions.is_churned": "gold_customer_metrics.recency_days",
}


@pytest.mark.parametrize(("column", "origins"), BY_HAND.items())
def test_a_column_comes_from_what_its_function_says(column, origins):
    name, field = column.split(".")
    assert " ".join(".".join(origin) for origin in column_lineage()[name][field]) == origins


def test_the_file_is_what_the_query_plans_say(spark):
    assert FILE.read_text() == written(derived(spark)), f"{FILE.name} is out of date: run make docs"


def test_a_function_that_changes_is_seen(spark):
    def changed(bronze_orders: DataFrame) -> DataFrame:
        approved = bronze_orders.withColumn("order_delivered_customer_date", F.col("order_approved_at"))
        return cast(DataFrame, silver_orders(approved))

    before, after = column_lineage()["silver_orders"], lineage_of(returned(spark, SILVER_ORDERS, changed))
    assert {name for name, origins in after.items() if origins != before[name]} == {
        "order_delivered_customer_date", "delivery_days", "delivery_delay",
    }  # fmt: skip


def test_each_table_made_from_tables_has_all_its_columns_and_names_only_what_it_reads():
    graph = defs.resolve_asset_graph()
    upstream = {
        name: {key.to_user_string() for key in graph.get(dg.AssetKey(name)).parent_keys} & set(tables())
        for name in tables()
    }
    assert set(column_lineage()) == {name for name, names in upstream.items() if names}
    for name, columns in column_lineage().items():
        assert tuple(columns) == table(name).column_names
        origins = {origin for found in columns.values() for origin in found}
        assert {table_ for table_, _ in origins} <= upstream[name]
        assert all(column in table(table_).column_names for table_, column in origins)


def test_dagsters_catalogue_has_it():
    of = defs.resolve_asset_graph().get(dg.AssetKey("gold_daily_metrics")).metadata["dagster/column_lineage"]
    assert of.deps_by_column["revenue"] == [dg.TableColumnDep("silver_orders_master", "order_total_value")]
    assert "dagster/column_lineage" not in defs.resolve_asset_graph().get(dg.AssetKey("bronze_orders")).metadata
