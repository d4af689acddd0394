"""The nine bronze tables: each source file exactly as received. One rule makes them all, hence one factory."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.source_files import CORRUPT, INGESTED, SEQUENCE, SOURCE_NAME, SOURCES
from olist_assets.contracts.table import Column, Pii, Table
from olist_assets.contracts.thresholds import Duplicates, Freshness, Threshold, Thresholds

if TYPE_CHECKING:
    from olist_assets.engine.source_reader import SourceReader

# The publisher's columns, for a reader who has not seen the files. Every value is text, exactly as received.
MEANINGS = {
    "customer_id": "Identifier of the customer within one order; the same person has another one in each order",
    "customer_unique_id": "Identifier of the customer, the same in all orders of a person",
    "customer_zip_code_prefix": "First digits of the customer's zip code",
    "customer_city": "City of the customer",
    "customer_state": "State of the customer, as two letters",
    "order_id": "Identifier of the order",
    "order_status": "Status of the order, for example `delivered`, `shipped` or `canceled`",
    "order_purchase_timestamp": "Time of the purchase",
    "order_approved_at": "Time at which the payment was approved",
    "order_delivered_carrier_date": "Time at which the order was handed to the carrier",
    "order_delivered_customer_date": "Time at which the customer received the order",
    "order_estimated_delivery_date": "Delivery date that was promised at the purchase",
    "order_item_id": "Sequence number of the item within its order, from 1",
    "product_id": "Identifier of the product",
    "seller_id": "Identifier of the seller",
    "shipping_limit_date": "Time by which the seller must hand the item to the carrier",
    "price": "Price of the item in BRL, without freight",
    "freight_value": "Freight charged for the item in BRL",
    "payment_sequential": "Sequence number of the payment within its order, from 1",
    "payment_type": "Type of the payment, for example `credit_card` or `boleto`",
    "payment_installments": "Number of installments of the payment",
    "payment_value": "Value of the payment in BRL",
    "review_id": "Identifier of the review; a review of several orders has one record per order",
    "review_score": "Score of the review, 1 to 5; 5 is the best",
    "review_comment_title": "Title of the customer's comment",
    "review_comment_message": "Text of the customer's comment",
    "review_creation_date": "Time at which the survey was sent to the customer",
    "review_answer_timestamp": "Time at which the customer answered the survey",
    "product_category_name": "Category of the product in Portuguese",
    "product_category_name_english": "Category of the product in English",
    "product_name_lenght": "Number of characters in the product's name",
    "product_description_lenght": "Number of characters in the product's description",
    "product_photos_qty": "Number of published photos of the product",
    "product_weight_g": "Weight of the product in grams",
    "product_length_cm": "Length of the product in centimetres",
    "product_height_cm": "Height of the product in centimetres",
    "product_width_cm": "Width of the product in centimetres",
    "seller_zip_code_prefix": "First digits of the seller's zip code",
    "seller_city": "City of the seller",
    "seller_state": "State of the seller, as two letters",
    "geolocation_zip_code_prefix": "First digits of a zip code",
    "geolocation_lat": "Latitude in degrees of a point with that zip code",
    "geolocation_lng": "Longitude in degrees of a point with that zip code",
    "geolocation_city": "City of the point",
    "geolocation_state": "State of the point, as two letters",
}
# A seller is a business and a geolocation is a place: only columns about a customer are personal.
PERSONAL: dict[str, Pii] = {
    "customer_id": "hash",
    "customer_unique_id": "hash",
    "customer_zip_code_prefix": "cut",
    "customer_city": "remove",
    "review_comment_title": "remove",
    "review_comment_message": "remove",
}
ADDED = (
    Column(INGESTED, "timestamp", "Time at which the record was read from the file or the topic.", is_volatile=True),
    Column(SOURCE_NAME, "string", "Name of the file, or Kafka topic, that the record was read from."),
    Column(
        CORRUPT, "string", "Whole record of a row that did not parse into the header's columns, null for all others.",
        nullable=True, pii="remove",
    ),
    Column(
        SEQUENCE, "bigint", "Sequence number of the order event that the record came with, null for one of the file.",
        nullable=True,
    ),
)  # fmt: skip
# Geolocation has no limit on duplicates: a quarter of its rows repeat, and its readers use medians.
THRESHOLDS = {
    "customers": Thresholds(duplicates=Duplicates(("customer_id",))),
    "orders": Thresholds(duplicates=Duplicates(("order_id",)), freshness=Freshness("order_purchase_timestamp")),
    "order_items": Thresholds(duplicates=Duplicates(("order_id", "order_item_id"))),
    "order_payments": Thresholds(duplicates=Duplicates(("order_id", "payment_sequential"))),
    "order_reviews": Thresholds(
        duplicates=Duplicates(
            ("review_id",),
            Threshold(
                0.01, "Share of the rows. A review may cover several orders: 0.8 % of the published rows repeat an id."
            ),
        )
    ),
    "products": Thresholds(duplicates=Duplicates(("product_id",))),
    "sellers": Thresholds(duplicates=Duplicates(("seller_id",))),
    "product_category_translation": Thresholds(duplicates=Duplicates(("product_category_name",))),
}


def bronze_table(subject: str) -> Table:
    """Contract of one file's snapshot: the columns of the file as text, then the columns that reading adds."""
    source = SOURCES[subject]
    return Table(
        name=f"bronze_{subject}",
        description=f"Snapshot of {source.name}: every record exactly as received, every value as text.",
        grain="One row per record of the file.",
        key=(),
        columns=(*map(_as_received, source.columns), *ADDED),
        source=source,
        sequence=SEQUENCE,
        thresholds=THRESHOLDS.get(subject, Thresholds()),
        source_day="order_purchase_timestamp" if subject == "orders" else None,
    )


def _as_received(name: str) -> Column:
    return Column(name, "string", f"{MEANINGS[name]}.", nullable=True, pii=PERSONAL.get(name))


def bronze_function(subject: str, table: Table) -> Callable[..., DataFrame]:
    """The function that reads the file of one table."""

    @table_asset(table)
    def snapshot(source: Resource["SourceReader"]) -> DataFrame:
        return source.read(SOURCES[subject])

    snapshot.__name__ = snapshot.__qualname__ = table.name
    snapshot.__doc__ = f"All records of {SOURCES[subject].name}."
    return snapshot


BRONZE = {subject: bronze_table(subject) for subject in SOURCES}
FUNCTIONS = tuple(bronze_function(subject, table) for subject, table in BRONZE.items())
