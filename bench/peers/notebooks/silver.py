"""The second notebook: delivered orders, items, payments and reviews, cleaned and joined."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from bench.peers.notebooks.common import CATEGORY, PLACE, Lakehouse, categories, order_scores


def silver(lake: Lakehouse) -> None:
    lake.write(delivered_orders(lake), "silver/silver_orders")
    lake.write(order_items(lake), "silver/silver_order_items")
    lake.write(order_payments(lake), "silver/silver_order_payments")
    lake.write(order_reviews(lake), "silver/silver_order_reviews")
    lake.write(orders_master(lake), "silver/silver_orders_master")


def delivered_orders(lake: Lakehouse) -> DataFrame:
    orders = lake.read("bronze/bronze_orders").drop("ingestion_timestamp", "source_file")
    for name in orders.columns[3:]:
        orders = orders.withColumn(name, F.to_timestamp(name))
    return (
        orders.filter(F.col("order_status") == "delivered")
        .dropna(subset=["order_id", "customer_id", "order_purchase_timestamp"])
        .dropDuplicates(["order_id"])
        .withColumn("order_date", F.to_date("order_purchase_timestamp"))
        .withColumn("delivery_days", F.datediff("order_delivered_customer_date", "order_purchase_timestamp"))
        .withColumn("delivery_delay", F.datediff("order_delivered_customer_date", "order_estimated_delivery_date"))
    )


def order_items(lake: Lakehouse) -> DataFrame:
    items = lake.read("bronze/bronze_order_items")
    return (
        items.withColumn("order_item_id", F.col("order_item_id").cast("int"))
        .withColumn("shipping_limit_date", F.to_timestamp("shipping_limit_date"))
        .withColumn("price", F.col("price").cast("double"))
        .withColumn("freight_value", F.col("freight_value").cast("double"))
        .drop("ingestion_timestamp", "source_file")
        .dropna(subset=["order_id", "order_item_id", "product_id", "seller_id", "price"])
        .dropDuplicates(["order_id", "order_item_id"])
        .join(categories(lake), "product_id", "left")
        .fillna("unknown", subset=[CATEGORY])
    )


def order_payments(lake: Lakehouse) -> DataFrame:
    payments = (
        lake.read("bronze/bronze_order_payments")
        .withColumn("payment_value", F.col("payment_value").cast("double"))
        .dropna(subset=["order_id", "payment_sequential", "payment_type", "payment_value"])
        .dropDuplicates(["order_id", "payment_sequential"])
    )
    largest_first = Window.partitionBy("order_id").orderBy(F.desc("payment_value"), "payment_type")
    return (
        payments.withColumn("primary_payment_type", F.first("payment_type").over(largest_first))
        .groupBy("order_id")
        .agg(
            F.array_sort(F.collect_set("payment_type")).alias("payment_types"),
            F.first("primary_payment_type").alias("primary_payment_type"),
            F.count("*").alias("payment_count"),
            F.max("payment_installments").alias("max_installments"),
            F.round(F.sum("payment_value"), 2).alias("total_payment_value"),
        )
    )


def order_reviews(lake: Lakehouse) -> DataFrame:
    review = Window.partitionBy("review_id")
    return (
        lake.read("bronze/bronze_order_reviews")
        .withColumn("review_score", F.col("review_score").cast("int"))
        .withColumn("review_creation_date", F.to_timestamp("review_creation_date"))
        .withColumn("review_answer_timestamp", F.to_timestamp("review_answer_timestamp"))
        .dropna(subset=["review_id", "order_id", "review_score"])
        .withColumn("order_ids", F.array_sort(F.collect_set("order_id").over(review)))
        .withColumn("row", F.row_number().over(review.orderBy(F.desc("review_answer_timestamp"), "order_id")))
        .filter(F.col("row") == 1)
        .drop("row", "order_id", "ingestion_timestamp", "source_file")
    )


def orders_master(lake: Lakehouse) -> DataFrame:
    zip_code = F.lpad(F.col("customer_zip_code_prefix").cast("string"), 5, "0")  # read as a number
    customers = (
        lake.read("bronze/bronze_customers")
        .select("customer_id", "customer_unique_id", zip_code.alias("customer_zip_code_prefix"), *PLACE)
        .dropDuplicates(["customer_id"])
    )
    items = (
        lake.read("silver/silver_order_items")
        .groupBy("order_id")
        .agg(
            F.round(F.sum("price"), 2).alias("total_items_price"),
            F.round(F.sum("freight_value"), 2).alias("total_freight_value"),
            F.count("*").alias("items_count"),
            F.count_distinct("product_id").alias("unique_products_count"),
            F.count_distinct("seller_id").alias("sellers_count"),
        )
    )
    items_value = F.round(F.col("total_items_price") + F.col("total_freight_value"), 2)
    return (
        lake.read("silver/silver_orders")
        .join(customers, "customer_id", "left")
        .join(lake.read("silver/silver_order_payments").drop("payment_types"), "order_id", "left")
        .join(items, "order_id", "left")
        .join(order_scores(lake), "order_id", "left")
        .fillna(0, subset=["payment_count", "items_count", "unique_products_count", "sellers_count", "review_count"])
        .withColumn("order_total_value", F.coalesce("total_payment_value", items_value, F.lit(0.0)))
    )
