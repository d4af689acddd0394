"""The first notebook: the nine CSV files, with the time of the read and the name of the file."""

from pyspark.sql import functions as F

from bench.peers.notebooks.common import Lakehouse

FILES = {
    "customers": "olist_customers_dataset.csv",
    "orders": "olist_orders_dataset.csv",
    "order_items": "olist_order_items_dataset.csv",
    "order_payments": "olist_order_payments_dataset.csv",
    "order_reviews": "olist_order_reviews_dataset.csv",
    "products": "olist_products_dataset.csv",
    "sellers": "olist_sellers_dataset.csv",
    "geolocation": "olist_geolocation_dataset.csv",
    "product_category_translation": "product_category_name_translation.csv",
}


def bronze(lake: Lakehouse) -> None:
    for name, file in FILES.items():
        reader = lake.spark.read.options(header=True, inferSchema=True)
        if name == "order_reviews":  # comments have quotes and line breaks
            reader = reader.options(multiLine=True, quote='"', escape='"')
        received = reader.csv(str(lake.data / file))
        with_origin = received.withColumn("ingestion_timestamp", F.current_timestamp()).withColumn(
            "source_file", F.col("_metadata.file_name")
        )
        lake.write(with_origin, f"bronze/bronze_{name}")
