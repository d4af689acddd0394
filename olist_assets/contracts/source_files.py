"""The nine CSV files of the dataset: their names, columns and types."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SourceFile:
    """A CSV file of the dataset: its header and the types that silver casts to. The publisher misspelt some columns."""

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, str] = field(default_factory=dict)


SOURCES: dict[str, SourceFile] = {
    "customers": SourceFile(
        "olist_customers_dataset.csv",
        ("customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"),
    ),
    "orders": SourceFile(
        "olist_orders_dataset.csv",
        (
            "order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
            "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date",
        ),
        {
            "order_purchase_timestamp": "timestamp", "order_approved_at": "timestamp",
            "order_delivered_carrier_date": "timestamp", "order_delivered_customer_date": "timestamp",
            "order_estimated_delivery_date": "timestamp",
        },
    ),
    "order_items": SourceFile(
        "olist_order_items_dataset.csv",
        ("order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"),
        {
            "order_item_id": "int", "shipping_limit_date": "timestamp", "price": "decimal(10,2)",
            "freight_value": "decimal(10,2)",
        },
    ),
    "order_payments": SourceFile(
        "olist_order_payments_dataset.csv",
        ("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
        {"payment_sequential": "int", "payment_installments": "int", "payment_value": "decimal(12,2)"},
    ),
    "order_reviews": SourceFile(
        "olist_order_reviews_dataset.csv",
        (
            "review_id", "order_id", "review_score", "review_comment_title", "review_comment_message",
            "review_creation_date", "review_answer_timestamp",
        ),
        {"review_score": "int", "review_creation_date": "timestamp", "review_answer_timestamp": "timestamp"},
    ),
    "products": SourceFile(
        "olist_products_dataset.csv",
        (
            "product_id", "product_category_name", "product_name_lenght", "product_description_lenght",
            "product_photos_qty", "product_weight_g", "product_length_cm", "product_height_cm", "product_width_cm",
        ),
    ),
    "sellers": SourceFile(
        "olist_sellers_dataset.csv", ("seller_id", "seller_zip_code_prefix", "seller_city", "seller_state")
    ),
    "geolocation": SourceFile(
        "olist_geolocation_dataset.csv",
        (
            "geolocation_zip_code_prefix", "geolocation_lat", "geolocation_lng", "geolocation_city",
            "geolocation_state",
        ),
    ),
    "product_category_translation": SourceFile(
        "product_category_name_translation.csv", ("product_category_name", "product_category_name_english")
    ),
}  # fmt: skip
# The column of a snapshot that holds a record which did not parse.
CORRUPT = "_corrupt_record"
INGESTED, SOURCE_NAME = "ingestion_timestamp", "source_file"
ADDED_COLUMNS = (INGESTED, SOURCE_NAME, CORRUPT)
"""Columns that a snapshot adds to those of its file."""
