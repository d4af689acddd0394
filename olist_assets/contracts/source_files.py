"""The nine CSV files of the dataset: their names, columns and types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from olist_assets.contracts.source_values import LATEST_EVENT, LATEST_PROMISE, TEXT


@dataclass(frozen=True)
class SourceFile:
    """A CSV file of the dataset: its header and the types that silver casts to. The publisher misspelt some columns."""

    name: str
    columns: tuple[str, ...]
    types: Mapping[str, str] = field(default_factory=dict)
    free_text: tuple[str, ...] = ()
    """Columns of people's own words, in which `None` may be one; in all others it stands for a missing value."""
    promised: tuple[str, ...] = ()
    """Columns of times that are promised, and so may lie further ahead than what has happened."""
    key: tuple[str, ...] = ()
    """The columns that name one record: an event's key. Without one, every record stands for itself."""

    @property
    def coded(self) -> tuple[str, ...]:
        """The columns that hold no free text."""
        return tuple(name for name in self.columns if name not in self.free_text)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The type of each of these columns."""
        return {name: self.types.get(name, TEXT) for name in self.coded}

    def latest(self, column: str) -> timedelta:
        """How long after its ingestion a time in a column may be."""
        return LATEST_PROMISE if column in self.promised else LATEST_EVENT


SOURCES: dict[str, SourceFile] = {
    "customers": SourceFile(
        "olist_customers_dataset.csv",
        ("customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"),
        {"customer_zip_code_prefix": "zip_prefix", "customer_state": "state"},
        key=("customer_id",),
    ),
    "orders": SourceFile(
        "olist_orders_dataset.csv",
        (
            "order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
            "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date",
        ),
        {
            "order_status": "status", "order_purchase_timestamp": "timestamp", "order_approved_at": "timestamp",
            "order_delivered_carrier_date": "timestamp", "order_delivered_customer_date": "timestamp",
            "order_estimated_delivery_date": "timestamp",
        },
        promised=("order_estimated_delivery_date",),
        key=("order_id",),
    ),
    "order_items": SourceFile(
        "olist_order_items_dataset.csv",
        ("order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"),
        {
            "order_item_id": "int", "shipping_limit_date": "timestamp", "price": "decimal(10,2)",
            "freight_value": "decimal(10,2)",
        },
        promised=("shipping_limit_date",),
        key=("order_id", "order_item_id"),
    ),
    "order_payments": SourceFile(
        "olist_order_payments_dataset.csv",
        ("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
        {"payment_sequential": "int", "payment_installments": "int", "payment_value": "decimal(12,2)"},
        key=("order_id", "payment_sequential"),
    ),
    "order_reviews": SourceFile(
        "olist_order_reviews_dataset.csv",
        (
            "review_id", "order_id", "review_score", "review_comment_title", "review_comment_message",
            "review_creation_date", "review_answer_timestamp",
        ),
        {"review_score": "int", "review_creation_date": "timestamp", "review_answer_timestamp": "timestamp"},
        free_text=("review_comment_title", "review_comment_message"),
        key=("review_id", "order_id"),
    ),
    "products": SourceFile(
        "olist_products_dataset.csv",
        (
            "product_id", "product_category_name", "product_name_lenght", "product_description_lenght",
            "product_photos_qty", "product_weight_g", "product_length_cm", "product_height_cm", "product_width_cm",
        ),
        {
            "product_name_lenght": "int", "product_description_lenght": "int", "product_photos_qty": "int",
            "product_weight_g": "int", "product_length_cm": "int", "product_height_cm": "int",
            "product_width_cm": "int",
        },
        key=("product_id",),
    ),
    "sellers": SourceFile(
        "olist_sellers_dataset.csv",
        ("seller_id", "seller_zip_code_prefix", "seller_city", "seller_state"),
        {"seller_zip_code_prefix": "zip_prefix", "seller_state": "state"},
        key=("seller_id",),
    ),
    "geolocation": SourceFile(
        "olist_geolocation_dataset.csv",
        (
            "geolocation_zip_code_prefix", "geolocation_lat", "geolocation_lng", "geolocation_city",
            "geolocation_state",
        ),
        {
            "geolocation_zip_code_prefix": "zip_prefix", "geolocation_lat": "double", "geolocation_lng": "double",
            "geolocation_state": "state",
        },
    ),
    "product_category_translation": SourceFile(
        "product_category_name_translation.csv",
        ("product_category_name", "product_category_name_english"),
        key=("product_category_name",),
    ),
}  # fmt: skip


def subject_of(source: SourceFile) -> str:
    """What a file is about, which is the name of its table in an event."""
    return next(subject for subject, known in SOURCES.items() if known == source)


# The column of a snapshot that holds a record which did not parse.
CORRUPT = "_corrupt_record"
INGESTED, SOURCE_NAME = "ingestion_timestamp", "source_file"
# The column of a snapshot with the sequence number of the event that a record came with; null for a record of a file.
SEQUENCE = "source_sequence"
ADDED_COLUMNS = (INGESTED, SOURCE_NAME, CORRUPT, SEQUENCE)
"""Columns that a snapshot adds to those of its file."""
