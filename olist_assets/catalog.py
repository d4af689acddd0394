"""The explicit map of layers to modules: a new table is one module and one line here."""

from functools import cache

from olist_assets.bronze import snapshots
from olist_assets.contracts.catalog import Catalog
from olist_assets.gold.gold_category_metrics import gold_category_metrics
from olist_assets.gold.gold_customer_metrics import gold_customer_metrics
from olist_assets.gold.gold_daily_metrics import gold_daily_metrics
from olist_assets.gold.gold_geographic_metrics import gold_geographic_metrics
from olist_assets.gold.gold_product_metrics import gold_product_metrics
from olist_assets.gold.gold_segment_profiles import gold_segment_profiles
from olist_assets.ml import champions
from olist_assets.ml.churn_model import churn_model
from olist_assets.ml.gold_customer_churn_predictions import gold_customer_churn_predictions
from olist_assets.ml.gold_customer_segments_ml import gold_customer_segments_ml
from olist_assets.ml.gold_demand_forecasts import gold_demand_forecasts
from olist_assets.ml.gold_forecast_evaluation import gold_forecast_evaluation
from olist_assets.ml.gold_ml_evaluation import gold_ml_evaluation
from olist_assets.ml.gold_next_category import gold_next_category
from olist_assets.ml.gold_price_elasticities import gold_price_elasticities
from olist_assets.ml.gold_price_panel import gold_price_panel
from olist_assets.ml.gold_price_scenarios import gold_price_scenarios
from olist_assets.ml.gold_product_recommendations import gold_product_recommendations
from olist_assets.ml.gold_recommender_evaluation import gold_recommender_evaluation
from olist_assets.ml.gold_reorder_points import gold_reorder_points
from olist_assets.ml.gold_state_popular import gold_state_popular
from olist_assets.ml.repurchase_model import repurchase_model
from olist_assets.ml.segmentation_model import segmentation_model
from olist_assets.monitoring.monitoring_durations import monitoring_durations
from olist_assets.monitoring.monitoring_incidents import monitoring_incidents
from olist_assets.monitoring.monitoring_profiles import monitoring_profiles
from olist_assets.monitoring.monitoring_tables import monitoring_tables
from olist_assets.silver.silver_customers import silver_customers
from olist_assets.silver.silver_geolocation import silver_geolocation
from olist_assets.silver.silver_order_items import silver_order_items
from olist_assets.silver.silver_order_payments import silver_order_payments
from olist_assets.silver.silver_order_reviews import silver_order_reviews
from olist_assets.silver.silver_orders import silver_orders
from olist_assets.silver.silver_orders_master import silver_orders_master
from olist_assets.silver.silver_products import silver_products
from olist_assets.silver.silver_purchases import silver_purchases
from olist_assets.silver.silver_rejects import silver_rejects
from olist_assets.silver.silver_sellers import silver_sellers
from olist_assets.streaming.bronze_order_events import bronze_order_events
from olist_assets.streaming.bronze_tombstones import bronze_tombstones
from olist_assets.streaming.monitoring_stream import monitoring_stream

LAYERS = {
    "bronze": snapshots.FUNCTIONS,
    "silver": (
        silver_customers,
        silver_geolocation,
        silver_order_items,
        silver_order_payments,
        silver_order_reviews,
        silver_orders,
        silver_orders_master,
        silver_products,
        silver_purchases,
        silver_rejects,
        silver_sellers,
    ),
    "gold": (
        gold_category_metrics,
        gold_customer_metrics,
        gold_daily_metrics,
        gold_geographic_metrics,
        gold_product_metrics,
        gold_segment_profiles,
    ),
    "ml": (
        churn_model,
        repurchase_model,
        segmentation_model,
        *champions.FUNCTIONS,
        gold_customer_churn_predictions,
        gold_customer_segments_ml,
        gold_demand_forecasts,
        gold_forecast_evaluation,
        gold_ml_evaluation,
        gold_next_category,
        gold_price_elasticities,
        gold_price_panel,
        gold_price_scenarios,
        gold_product_recommendations,
        gold_recommender_evaluation,
        gold_reorder_points,
        gold_state_popular,
    ),
    "streaming": (bronze_order_events, bronze_tombstones, monitoring_stream),
    "monitoring": (monitoring_durations, monitoring_incidents, monitoring_profiles, monitoring_tables),
}


@cache
def catalog() -> Catalog:
    """Every table, model and promotion of the platform."""
    return Catalog.of([function for functions in LAYERS.values() for function in functions])
