"""The churn model: the same rows give the same forest, and no customer is left out."""

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.ml.churn_model import FEATURES, ForestConfig, estimator, labelled
from olist_assets.mlops.estimators.interface import Estimators
from olist_assets.mlops.training_rows import is_trained_on
from olist_assets_tests.ml.conftest import KEY

pytestmark = pytest.mark.engines


def trained(estimators: Estimators, customers: DataFrame, partitions: int) -> dict[str, float]:
    """Probabilities by a forest that was trained on the rows in this number of partitions."""
    with estimators.in_fixed_order(customers.orderBy(F.hash(KEY)).repartition(partitions), KEY) as laid_out:
        train = laid_out.where(is_trained_on(KEY, 0.8, 42))
        forest = estimator(estimators, ForestConfig(trees=5), FEATURES).fit(train)
    return {row[0]: row[1] for row in forest.score(customers).select(KEY, "probability").collect()}


def test_the_same_rows_in_other_partitions_give_the_same_forest(estimators, customers):
    first = trained(estimators, customers, 1)
    assert len(set(first.values())) > 10
    assert first == trained(estimators, customers, 3) == trained(estimators, customers, 7)


def test_unknown_reviews_and_deliveries_get_the_median_and_no_customer_is_left_out(estimators, customers):
    forest = estimator(estimators, ForestConfig(trees=20), FEATURES).fit(customers)
    scored = {row[KEY]: row.probability for row in forest.score(customers).collect()}
    assert len(scored) == 300
    known = customers.fillna({"avg_review_score": 3.0, "avg_delivery_days": 5.0})
    assert {row[KEY]: row.probability for row in forest.score(known).collect()} == scored


def test_a_customer_is_churned_after_more_than_90_days_without_an_order(customers):
    recent = customers.where("frequency > 1").limit(1).drop("is_churned")
    days = {days: recent.withColumn("recency_days", F.lit(days)) for days in (90, 91)}
    assert {name: labelled(rows).collect()[0].is_churned for name, rows in days.items()} == {90: 0, 91: 1}
