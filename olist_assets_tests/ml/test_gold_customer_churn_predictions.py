"""The risk of each customer, and the date as of which customers are scored."""

from datetime import date

from olist_assets.gold.gold_customer_metrics import GOLD_CUSTOMER_METRICS
from olist_assets.ml.gold_customer_churn_predictions import cutoff, with_risk
from olist_assets_tests.ml.conftest import KEY
from olist_assets_tests.rows import frame, only


def test_risk_is_the_rank_of_the_probability_and_ties_are_ordered_by_customer(spark):
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


def test_customers_are_scored_as_of_the_day_after_the_reference_date(spark):
    rows = [
        {"last_order_date": date(2018, 2, 1), "recency_days": 28},
        {"last_order_date": date(2018, 2, 27), "recency_days": 2},
        {"last_order_date": None, "recency_days": None},
    ]
    assert only(cutoff(frame(spark, GOLD_CUSTOMER_METRICS, *rows))).cutoff == date(2018, 3, 2)
