"""Trained pipelines: the same rows give the same model, and segments keep their names."""

import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from olist_assets.ml import churn_model, segmentation_model
from olist_assets.ml.churn_model import ForestConfig
from olist_assets.mlops.evaluation import probability
from olist_assets.ml.gold_customer_churn_predictions import with_risk
from olist_assets.ml.gold_customer_segments_ml import gold_customer_segments_ml
from olist_assets.mlops.training_rows import buyers, in_fixed_order, is_trained_on
from olist_assets.ml.segmentation_model import segments
from olist_assets.mlops.registry import Champion

KEY = "customer_unique_id"


@pytest.fixture(scope="module")
def customers(spark):
    """Three kinds of customers, as gold_customer_metrics has them."""
    rows = spark.range(300).withColumn("kind", F.col("id") % 3)
    number = F.col("id") / 100
    return rows.select(
        F.format_string("c%04d", "id").alias(KEY),
        (10 + 20 * F.col("kind") + F.col("id") % 7).cast("int").alias("recency_days"),
        F.when(F.col("kind") == 2, 4).otherwise(1).cast("int").alias("frequency"),
        (50 + number + 500 * (F.col("kind") == 1).cast("int")).cast("decimal(14,2)").alias("monetary_value"),
        F.lit(20).cast("decimal(14,2)").alias("avg_order_value"),
        F.when(F.col("id") % 5 > 0, F.col("id") % 11).cast("double").alias("avg_delivery_days"),
        F.lit(-3.0).alias("avg_delivery_delay"),
        F.when(F.col("id") % 4 > 0, 1 + F.col("id") % 5).cast("double").alias("avg_review_score"),
        F.lit(0).alias("customer_lifetime_days"),
        F.lit(1).alias("total_items_purchased"),
        (F.col("id") % 2).cast("int").alias("is_churned"),
    ).persist()


def trained(customers, partitions: int) -> dict[str, float]:
    """Probabilities of a forest trained on the rows as they lie in so many partitions."""
    with in_fixed_order(customers.orderBy(F.hash(KEY)).repartition(partitions), KEY) as laid_out:
        train = laid_out.where(is_trained_on(KEY, 0.8, 42))
        forest = churn_model.pipeline(ForestConfig(trees=5), churn_model.FEATURES).fit(train)
    return {row[0]: row[1] for row in forest.transform(customers).select(KEY, probability()).collect()}


def test_the_same_rows_in_other_partitions_give_the_same_forest(customers):
    assert trained(customers, 1) == trained(customers, 3) == trained(customers, 7)


def test_the_split_is_by_customer_whatever_the_rows(customers):
    train = {row[0] for row in customers.where(is_trained_on(KEY, 0.8, 42)).select(KEY).collect()}
    some = customers.where(F.col("recency_days") < 30)
    again = {row[0] for row in some.where(is_trained_on(KEY, 0.8, 42)).select(KEY).collect()}
    assert again == train & {row[0] for row in some.select(KEY).collect()}
    assert 0.7 < len(train) / customers.count() < 0.9


def test_unknown_reviews_and_deliveries_take_the_median_and_no_customer_is_left_out(customers):
    forest = churn_model.pipeline(ForestConfig(trees=2), churn_model.FEATURES).fit(customers)
    scored = forest.transform(customers)
    assert scored.count() == 300
    median = scored.where("avg_review_score IS NULL").select("avg_review_score_known").distinct().collect()
    assert [row[0] for row in median] == [3.0]


@pytest.fixture(scope="module")
def clusters(customers):
    def fit(seed: int) -> Champion:
        from pyspark.ml.clustering import KMeans

        stages = [*segmentation_model.scaling(), KMeans(k=3, seed=seed)]
        from pyspark.ml import Pipeline

        with in_fixed_order(buyers(customers, KEY, segmentation_model.FEATURES), KEY) as laid_out:
            return Champion(1, Pipeline(stages=stages).fit(laid_out))

    return fit


def test_segments_are_numbered_by_value_and_named_by_what_stands_out(customers, clusters):
    rows = gold_customer_segments_ml(customers, clusters(42)).collect()
    found = {(row.ml_segment, row.segment_label) for row in rows}
    assert found == {(0, "Recent"), (1, "Repeat Buyers"), (2, "Big Spenders")}
    assert {row.segment_label for row in rows if row.frequency == 4} == {"Repeat Buyers"}


def test_another_seed_numbers_clusters_otherwise_but_names_segments_the_same(customers, clusters):
    first, second = (gold_customer_segments_ml(customers, clusters(seed)).collect() for seed in (1, 2))
    assert {(r[0], r.ml_segment, r.segment_label) for r in first} == {
        (r[0], r.ml_segment, r.segment_label) for r in second
    }


def test_the_distance_is_to_the_nearest_center(customers, clusters):
    champion = clusters(42)
    centers = [segment.center for segment in segments(champion.pipeline).values()]
    placed = champion.pipeline.transform(buyers(customers, KEY, segmentation_model.FEATURES)).collect()
    nearest = {
        row[KEY]: min(sum((a - c) ** 2 for a, c in zip(row.features, center, strict=True)) for center in centers) ** 0.5
        for row in placed
    }
    found = {row[KEY]: row.distance_to_center for row in gold_customer_segments_ml(customers, champion).collect()}
    assert found == pytest.approx(nearest)


def test_segments_with_one_name_are_told_apart():
    class Clusters:
        def clusterCenters(self):  # noqa: N802 (PySpark's name)
            return [[2.0, 0.0, 0.5], [3.0, 0.0, 0.1], [0.0, 0.0, -1.0]]

    found = segments(PipelineModel([Clusters()]))  # pyright: ignore[reportArgumentType]
    named = {cluster: (segment.number, segment.label) for cluster, segment in found.items()}
    assert named == {0: (2, "Lapsed 2"), 1: (1, "Lapsed"), 2: (0, "Small Spenders")}


def test_risk_is_the_rank_of_the_probability_and_ties_go_by_customer(spark):
    rows = spark.createDataFrame(
        [("b", 0.9), ("a", 0.9), ("c", 0.5), ("d", 0.1), ("e", 0.1), ("f", 0.1)],
        f"{KEY} string, churn_probability double",
    )
    found = {row[KEY]: (row.churn_percentile, row.churn_risk_category) for row in with_risk(rows).collect()}
    assert found == {
        "a": (0.0, "High Risk"),
        "b": (0.2, "High Risk"),
        "c": (0.4, "Medium Risk"),
        "d": (0.6, "Low Risk"),
        "e": (0.8, "Low Risk"),
        "f": (1.0, "Low Risk"),
    }
