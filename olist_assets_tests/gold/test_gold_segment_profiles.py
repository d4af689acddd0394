"""gold_segment_profiles: shares and averages per segment."""

from decimal import Decimal

from olist_assets.gold.gold_customer_metrics import GOLD_CUSTOMER_METRICS, NO_ORDERS
from olist_assets.gold.gold_segment_profiles import gold_segment_profiles
from olist_assets.ml.gold_customer_segments_ml import GOLD_CUSTOMER_SEGMENTS_ML
from olist_assets_tests.rows import frame


def test_profiles_have_each_segments_share_of_customers_and_revenue(spark):
    lost = {"customer_segment": "Lost", "frequency": 1, "recency_days": 300, "monetary_value": Decimal("30.00")}
    customers = frame(
        spark,
        GOLD_CUSTOMER_METRICS,
        lost | {"customer_unique_id": "a"},
        lost | {"customer_unique_id": "b", "monetary_value": Decimal("0.01"), "avg_review_score": 2.0},
        {"customer_segment": "Champions", "frequency": 3, "monetary_value": Decimal("30.01"), "recency_days": 1},
        {"customer_segment": NO_ORDERS, "frequency": 0, "monetary_value": Decimal("0.00"), "recency_days": None},
    )
    found = frame(
        spark,
        GOLD_CUSTOMER_SEGMENTS_ML,
        {"customer_unique_id": "a", "segment_label": "Lapsed"},
        {"customer_unique_id": "b", "segment_label": "Lapsed"},
    )
    profiles = gold_segment_profiles(customers, found).collect()
    (lapsed,) = [row for row in profiles if row.segment_kind == "kmeans"]
    assert (lapsed.segment, lapsed.customers, lapsed.customer_share) == ("Lapsed", 2, 1.0)
    assert (lapsed.revenue, lapsed.avg_recency_days) == (Decimal("30.01"), 300.0)
    rows = {row.segment: row for row in profiles if row.segment_kind == "rfm"}
    assert (rows["Lost"].customers, rows["Lost"].customer_share, rows["Lost"].revenue_share) == (2, 0.5, 0.5)
    assert (rows["Lost"].revenue, rows["Lost"].avg_monetary_value) == (Decimal("30.01"), 15.005)
    assert rows["Lost"].avg_review_score == 2.0
    assert (rows["Champions"].avg_frequency, rows[NO_ORDERS].avg_recency_days) == (3.0, None)
