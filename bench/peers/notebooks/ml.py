"""The fourth notebook: customer segments by k-means, and the churn forest."""

import click
from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import BinaryClassificationEvaluator, ClusteringEvaluator
from pyspark.ml.feature import Imputer, StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from bench.peers.notebooks.common import RFM, Lakehouse, segment_profiles

MAY_BE_MISSING = ["avg_delivery_days", "avg_delivery_delay", "avg_review_score"]
CHURN_FEATURES = [*RFM, "avg_order_value", *MAY_BE_MISSING, "customer_lifetime_days", "total_items_purchased"]


def ml(lake: Lakehouse) -> None:
    lake.write(customer_segments(lake), "ml/gold_customer_segments_ml")
    lake.write(churn_predictions(lake), "ml/gold_customer_churn_predictions")
    segments = lake.read("ml/gold_customer_segments_ml").select("customer_unique_id", "segment_label")
    customers = lake.read("gold/gold_customer_metrics").join(segments, "customer_unique_id")
    lake.write(segment_profiles(customers, "kmeans", "segment_label"), "gold/gold_segment_profiles", mode="append")


def customer_segments(lake: Lakehouse) -> DataFrame:
    customers = lake.read("gold/gold_customer_metrics").filter("frequency > 0").select("customer_unique_id", *RFM)
    clusters = Pipeline(
        stages=[
            VectorAssembler(inputCols=RFM, outputCol="raw_features"),
            StandardScaler(inputCol="raw_features", outputCol="features", withMean=True, withStd=True),
            KMeans(k=3, seed=42),
        ]
    )
    clustered = clusters.fit(customers).transform(customers)
    click.echo(f"silhouette: {ClusteringEvaluator().evaluate(clustered):.3f}")
    profile = clustered.groupBy("prediction").agg(F.avg("monetary_value").alias("spent")).orderBy("spent").collect()
    number = F.create_map(*(F.lit(part) for place, row in enumerate(profile) for part in (row.prediction, place)))
    labels = F.array(*(F.lit(label) for label in ("Low Value", "Medium Value", "High Value")))
    return (
        clustered.withColumn("ml_segment", number[F.col("prediction")])
        .withColumn("segment_label", labels[F.col("ml_segment")])
        .select("customer_unique_id", *RFM, "ml_segment", "segment_label")
    )


def churn_predictions(lake: Lakehouse) -> DataFrame:
    customers = (
        lake.read("gold/gold_customer_metrics")
        .filter("frequency > 0")
        .select("customer_unique_id", *CHURN_FEATURES)
        .withColumn("is_churned", (F.col("recency_days") > 90).cast("int"))
    )
    train, test = customers.randomSplit([0.8, 0.2], seed=42)
    known = [f"{name}_known" for name in MAY_BE_MISSING]
    forest = Pipeline(
        stages=[
            Imputer(inputCols=MAY_BE_MISSING, outputCols=known, strategy="median"),
            VectorAssembler(
                inputCols=[name for name in CHURN_FEATURES if name not in MAY_BE_MISSING] + known, outputCol="features"
            ),
            RandomForestClassifier(labelCol="is_churned", numTrees=100, maxDepth=5, seed=42),
        ]
    )
    model = forest.fit(train)
    auc = BinaryClassificationEvaluator(labelCol="is_churned").evaluate(model.transform(test))
    click.echo(f"AUC: {auc:.4f}")
    percentile = F.percent_rank().over(Window.orderBy(F.desc("churn_probability"), "customer_unique_id"))
    risk = F.when(F.col("churn_percentile") <= 0.2, "High Risk").when(F.col("churn_percentile") <= 0.5, "Medium Risk")
    return (
        model.transform(customers)
        .withColumn("churn_probability", vector_to_array(F.col("probability"))[1])
        .withColumn("churn_prediction", F.col("prediction").cast("int"))
        .withColumn("churn_percentile", percentile)
        .withColumn("churn_risk_category", risk.otherwise("Low Risk"))
        .select(
            "customer_unique_id", "is_churned", "churn_probability", "churn_prediction", "churn_percentile",
            "churn_risk_category",
        )
        .withColumn("scored_at", F.current_timestamp())
    )  # fmt: skip
