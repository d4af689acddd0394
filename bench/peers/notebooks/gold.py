"""The third notebook: metrics of customers, products, categories, cities, days and segments."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from bench.peers.notebooks.common import CATEGORY, PLACE, RFM, Lakehouse, categories, order_scores, segment_profiles


def gold(lake: Lakehouse) -> None:
    lake.write(customer_metrics(lake), "gold/gold_customer_metrics")
    lake.write(product_metrics(lake), "gold/gold_product_metrics")
    lake.write(category_metrics(lake), "gold/gold_category_metrics")
    lake.write(geographic_metrics(lake), "gold/gold_geographic_metrics")
    lake.write(daily_metrics(lake), "gold/gold_daily_metrics")
    customers = lake.read("gold/gold_customer_metrics")
    lake.write(segment_profiles(customers, "rfm", "customer_segment"), "gold/gold_segment_profiles")


def customer_metrics(lake: Lakehouse) -> DataFrame:
    orders = lake.read("silver/silver_orders_master")
    last_date = F.lit(orders.agg(F.max("order_date")).collect()[0][0])
    buyers = (
        orders.groupBy("customer_unique_id")
        .agg(
            F.min("order_date").alias("first_order_date"),
            F.max("order_date").alias("last_order_date"),
            F.count("*").alias("frequency"),
            F.sum("items_count").alias("total_items_purchased"),
            F.round(F.sum("order_total_value"), 2).alias("monetary_value"),
            F.avg("delivery_days").alias("avg_delivery_days"),
            F.avg("delivery_delay").alias("avg_delivery_delay"),
            F.avg("avg_review_score").alias("avg_review_score"),
        )
        .withColumn("recency_days", F.datediff(last_date, "last_order_date"))
        .withColumn("tenure_days", F.datediff(last_date, "first_order_date"))
        .withColumn("customer_lifetime_days", F.datediff("last_order_date", "first_order_date"))
        .withColumn("avg_order_value", F.round(F.col("monetary_value") / F.col("frequency"), 2))
    )
    yearly = F.col("monetary_value") * 365 / F.greatest("tenure_days", F.lit(365))
    buyers = with_rfm_scores(buyers.withColumn("clv_12_months", F.round(yearly, 2)))
    latest = Window.partitionBy("customer_unique_id").orderBy(F.desc("order_purchase_timestamp"), F.desc("order_id"))
    homes = (
        lake.read("bronze/bronze_customers")
        .join(lake.read("bronze/bronze_orders"), "customer_id", "left")
        .withColumn("row", F.row_number().over(latest))
        .filter(F.col("row") == 1)
        .select("customer_unique_id", "customer_city", "customer_state")
    )
    return (
        homes.join(buyers, "customer_unique_id", "left")
        .fillna(0, subset=["frequency", "total_items_purchased", "monetary_value"])
        .withColumn("customer_segment", rfm_segment())
    )


def with_rfm_scores(buyers: DataFrame) -> DataFrame:
    quintiles = buyers.agg(*(F.percentile(name, [0.2, 0.4, 0.6, 0.8]) for name in RFM)).collect()[0]

    def below(place: int) -> Column:
        return sum(((F.col(RFM[place]) > bound).cast("int") for bound in quintiles[place]), F.lit(0))

    return (
        buyers.withColumn("recency_score", 5 - below(0))
        .withColumn("frequency_score", 1 + below(1))
        .withColumn("monetary_score", 1 + below(2))
        .withColumn("rfm_score", F.expr("recency_score + frequency_score + monetary_score"))
    )


def rfm_segment() -> Column:
    recency = F.col("recency_score")
    fm = F.ceil((F.col("frequency_score") + F.col("monetary_score")) / 2)
    return (
        F.when(recency.isNull(), "No Delivered Orders")
        .when((recency <= 2) & (fm <= 2), "Lost")
        .when((recency <= 2) & (fm <= 4), "At Risk")
        .when(recency <= 2, "Can't Lose Them")
        .when((recency == 3) & (fm <= 2), "About To Sleep")
        .when((recency == 3) & (fm == 3), "Needs Attention")
        .when((recency == 5) & (fm >= 4), "Champions")
        .when(fm >= 4, "Loyal Customers")
        .when(fm >= 2, "Potential Loyalists")
        .when(recency == 5, "New Customers")
        .otherwise("Promising")
    )


def sales_by(key: str, items: DataFrame, scores: DataFrame, *more: Column) -> DataFrame:
    """Sales per product or category, and other aggregates of them; each order's score counts once per group."""
    sales = items.groupBy(key).agg(
        F.count_distinct("order_id").alias("total_orders"),
        F.count("*").alias("units_sold"),
        F.round(F.sum("price"), 2).alias("total_revenue"),
        F.round(F.sum("freight_value"), 2).alias("total_freight"),
        F.round(F.avg("price"), 2).alias("avg_price"),
        F.round(F.avg("freight_value"), 2).alias("avg_freight"),
        *more,
    )
    scored = items.select(key, "order_id").distinct().join(scores, "order_id")
    return sales.join(scored.groupBy(key).agg(F.avg("avg_review_score").alias("avg_review_score")), key, "left")


def product_metrics(lake: Lakehouse) -> DataFrame:
    dates = lake.read("bronze/bronze_orders").select(
        "order_id", F.to_date("order_purchase_timestamp").alias("order_date")
    )
    items = lake.read("silver/silver_order_items").join(dates, "order_id", "left")
    sold_dates = F.min("order_date").alias("first_sold_date"), F.max("order_date").alias("last_sold_date")
    sales = sales_by("product_id", items, order_scores(lake), *sold_dates)
    best_first = F.desc("total_revenue")
    return (
        categories(lake)
        .drop("product_category_name")
        .join(sales, "product_id", "left")
        .fillna(0, subset=["total_orders", "units_sold", "total_revenue", "total_freight"])
        .withColumn("revenue_rank", F.rank().over(Window.orderBy(best_first)))
        .withColumn("category_revenue_rank", F.rank().over(Window.partitionBy(CATEGORY).orderBy(best_first)))
    )


def category_metrics(lake: Lakehouse) -> DataFrame:
    items = lake.read("silver/silver_order_items")
    products = lake.read("gold/gold_product_metrics").groupBy(CATEGORY).agg(F.count("*").alias("products_count"))
    sellers = F.count_distinct("seller_id").alias("sellers_count")
    sales = sales_by(CATEGORY, items, order_scores(lake), sellers)
    return (
        products.join(sales, CATEGORY, "left")
        .fillna(0, subset=["total_orders", "units_sold", "sellers_count", "total_revenue", "total_freight"])
        .withColumn("revenue_rank", F.rank().over(Window.orderBy(F.desc("total_revenue"))))
        .withColumn("revenue_share", F.col("total_revenue") / F.sum("total_revenue").over(Window.partitionBy()))
        .withColumn("freight_share", F.expr("total_freight / nullif(total_revenue, 0)"))
    )


def geographic_metrics(lake: Lakehouse) -> DataFrame:
    customers = lake.read("bronze/bronze_customers")
    inside = F.col("geolocation_lat").between(-33.75, 5.28) & F.col("geolocation_lng").between(-73.99, -34.79)
    zip_codes = (
        lake.read("bronze/bronze_geolocation")
        .filter(inside)
        .groupBy(F.col("geolocation_zip_code_prefix").alias("customer_zip_code_prefix"))
        .agg(F.median("geolocation_lat").alias("lat"), F.median("geolocation_lng").alias("lng"))
    )
    places = (
        customers.select(*PLACE, "customer_zip_code_prefix")
        .distinct()
        .join(zip_codes, "customer_zip_code_prefix")
        .groupBy(*PLACE)
        .agg(F.median("lat").alias("latitude"), F.median("lng").alias("longitude"))
    )
    orders = (
        lake.read("silver/silver_orders_master")
        .groupBy(*PLACE)
        .agg(
            F.count("*").alias("total_orders"),
            F.count_distinct("customer_unique_id").alias("unique_customers"),
            F.round(F.sum("order_total_value"), 2).alias("total_revenue"),
            F.round(F.avg("order_total_value"), 2).alias("avg_order_value"),
            F.avg("delivery_days").alias("avg_delivery_days"),
            F.avg("delivery_delay").alias("avg_delivery_delay"),
            F.avg((F.col("delivery_delay") <= 0).cast("int")).alias("on_time_rate"),
            F.avg("avg_review_score").alias("avg_review_score"),
        )
    )
    return (
        customers.select(*PLACE)
        .distinct()
        .join(orders, PLACE, "left")
        .join(places, PLACE, "left")
        .fillna(0, subset=["total_orders", "unique_customers", "total_revenue"])
    )


def daily_metrics(lake: Lakehouse) -> DataFrame:
    sales = (
        lake.read("silver/silver_orders_master")
        .groupBy("order_date")
        .agg(
            F.count("*").alias("orders_count"),
            F.count_distinct("customer_unique_id").alias("unique_customers"),
            F.sum("items_count").alias("items_sold"),
            F.round(F.sum("order_total_value"), 2).alias("revenue"),
            F.round(F.avg("order_total_value"), 2).alias("avg_order_value"),
            F.avg("delivery_days").alias("avg_delivery_days"),
            F.avg("avg_review_score").alias("avg_review_score"),
        )
    )
    bought = F.to_date("order_purchase_timestamp")
    calendar = (
        lake.read("bronze/bronze_orders")
        .agg(F.min(bought).alias("first_day"), F.max(bought).alias("last_day"))
        .select(F.explode(F.sequence("first_day", "last_day")).alias("order_date"))
    )
    by_day = Window.orderBy("order_date")
    last_7, last_30 = by_day.rowsBetween(-6, 0), by_day.rowsBetween(-29, 0)
    revenue, day = F.sum("revenue"), F.row_number().over(by_day)
    growth = {
        "revenue_mom_growth": (60, revenue.over(by_day.rowsBetween(-59, -30))),
        "revenue_yoy_growth": (395, revenue.over(by_day.rowsBetween(-394, -365))),
    }
    days = (
        calendar.join(sales, "order_date", "left")
        .fillna(0, subset=["orders_count", "unique_customers", "items_sold", "revenue"])
        .withColumn("orders_7d_avg", F.avg("orders_count").over(last_7))
        .withColumn("revenue_7d_avg", F.avg("revenue").over(last_7))
        .withColumn("orders_30d_avg", F.avg("orders_count").over(last_30))
        .withColumn("revenue_30d_avg", F.avg("revenue").over(last_30))
    )
    for name, (history, before) in growth.items():
        days = days.withColumn(name, F.when((day >= history) & (before > 0), revenue.over(last_30) / before - 1))
    return days
