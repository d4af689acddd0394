"""The nine bronze tables: each source file exactly as received. They follow one rule, hence one factory."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.rules import OrderReference
from olist_assets.contracts.source_files import CORRUPT, INGESTED, SOURCE_NAME, SOURCES
from olist_assets.contracts.table import Column, Pii, Table
from olist_assets.contracts.thresholds import Duplicates, Freshness, Threshold, Thresholds

if TYPE_CHECKING:
    from olist_assets.engine.source_reader import SourceReader

# A seller is a business and a geolocation a place: only columns about a customer are personal.
PERSONAL: dict[str, Pii] = {
    "customer_id": "hash",
    "customer_unique_id": "hash",
    "customer_zip_code_prefix": "cut",
    "customer_city": "remove",
    "review_comment_title": "remove",
    "review_comment_message": "remove",
}
ADDED = (
    Column(INGESTED, "timestamp", "Time at which this snapshot was read.", is_volatile=True),
    Column(SOURCE_NAME, "string", "Name of the file that the record was read from."),
    Column(
        CORRUPT, "string", "The whole record if it did not parse into the columns of the header, else null.",
        nullable=True, pii="remove",
    ),
)  # fmt: skip
# Geolocation has none: a quarter of its rows repeat, and its readers use medians.
THRESHOLDS = {
    "customers": Thresholds(duplicates=Duplicates(("customer_id",))),
    "orders": Thresholds(duplicates=Duplicates(("order_id",)), freshness=Freshness("order_purchase_timestamp")),
    "order_items": Thresholds(duplicates=Duplicates(("order_id", "order_item_id"))),
    "order_payments": Thresholds(duplicates=Duplicates(("order_id", "payment_sequential"))),
    "order_reviews": Thresholds(
        duplicates=Duplicates(
            ("review_id",), Threshold(0.01, "One review may cover several orders: 0.8 % as published.")
        )
    ),
    "products": Thresholds(duplicates=Duplicates(("product_id",))),
    "sellers": Thresholds(duplicates=Duplicates(("seller_id",))),
    "product_category_translation": Thresholds(duplicates=Duplicates(("product_category_name",))),
}


def bronze_table(subject: str) -> Table:
    """The contract of one file's snapshot: its columns as text, then when and from which file they were read."""
    source = SOURCES[subject]
    return Table(
        name=f"bronze_{subject}",
        description=f"Snapshot of {source.name}, exactly as received.",
        grain="One row per record of the file.",
        key=(),
        columns=(*map(_as_received, source.columns), *ADDED),
        source=source,
        thresholds=THRESHOLDS.get(subject, Thresholds()),
        source_day="order_purchase_timestamp" if subject == "orders" else None,
        orders=OrderReference("customer_id", "customer_id") if subject == "customers" else None,
    )


def _as_received(name: str) -> Column:
    return Column(name, "string", "Value as received, as text.", nullable=True, pii=PERSONAL.get(name))


def bronze_function(subject: str, table: Table) -> Callable[..., DataFrame]:
    """The function that reads one file."""

    @table_asset(table)
    def snapshot(source: Resource["SourceReader"]) -> DataFrame:
        return source.read(SOURCES[subject])

    snapshot.__name__ = snapshot.__qualname__ = table.name
    snapshot.__doc__ = f"All records of {SOURCES[subject].name}."
    return snapshot


BRONZE = {subject: bronze_table(subject) for subject in SOURCES}
FUNCTIONS = tuple(bronze_function(subject, table) for subject, table in BRONZE.items())
