"""The nine bronze tables: each source file exactly as received. One rule, so one factory over the files."""

import dagster as dg
from pyspark.sql import DataFrame

from olist_assets.contracts import Column, Table
from olist_assets.resources import CORRUPT, OlistSource
from olist_assets.source import SOURCES
from olist_assets.usual import Duplicates, Freshness, Limit, Usual

ADDED = (
    Column("ingestion_timestamp", "timestamp", "When this snapshot was read."),
    Column("source_file", "string", "The file the record came from."),
    Column(CORRUPT, "string", "The whole record where it did not parse into the header's columns.", nullable=True),
)
# Geolocation has none: a quarter of its rows repeat, and its readers take medians.
USUAL = {
    "customers": Usual(duplicates=Duplicates(("customer_id",))),
    "orders": Usual(duplicates=Duplicates(("order_id",)), freshness=Freshness("order_purchase_timestamp")),
    "order_items": Usual(duplicates=Duplicates(("order_id", "order_item_id"))),
    "order_payments": Usual(duplicates=Duplicates(("order_id", "payment_sequential"))),
    "order_reviews": Usual(
        duplicates=Duplicates(("review_id",), Limit(0.01, "One review may cover several orders: 0.8 % as published."))
    ),
    "products": Usual(duplicates=Duplicates(("product_id",))),
    "sellers": Usual(duplicates=Duplicates(("seller_id",))),
    "product_category_translation": Usual(duplicates=Duplicates(("product_category_name",))),
}


def bronze_table(subject: str) -> Table:
    """The contract of one file's snapshot: its columns as text, then where and when they came from."""
    source = SOURCES[subject]
    return Table(
        name=f"bronze_{subject}",
        description=f"Snapshot of {source.name}, exactly as received.",
        grain="One row per record of the file.",
        key=(),
        columns=(*(Column(name, "string", "As received.", nullable=True) for name in source.columns), *ADDED),
        source=source,
        usual=USUAL.get(subject, Usual()),
    )


def bronze_asset(subject: str, table: Table) -> dg.AssetsDefinition:
    """The asset that reads one file."""

    @dg.asset(**table.asset_args())
    def snapshot(source: OlistSource) -> DataFrame:
        return source.read(SOURCES[subject])

    return snapshot  # pyright: ignore[reportReturnType]  # the unpacked arguments hide which overload it is


BRONZE = {subject: bronze_table(subject) for subject in SOURCES}
bronze_tables = tuple(BRONZE.values())
bronze_assets = tuple(bronze_asset(subject, table) for subject, table in BRONZE.items())
