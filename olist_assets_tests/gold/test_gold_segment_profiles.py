from decimal import Decimal

from olist_assets.gold.gold_customer_metrics import GOLD_CUSTOMER_METRICS, NO_ORDERS
from olist_assets.gold.gold_segment_profiles import gold_segment_profiles
from olist_assets_tests.rows import frame


def test_profiles_share_out_customers_and_revenue(spark):
    lost = {"customer_segment": "Lost", "frequency": 1, "recency_days": 300, "monetary_value": Decimal("30.00")}
    customers = frame(
        spark,
        GOLD_CUSTOMER_METRICS,
        lost | {"customer_unique_id": "a"},
        lost | {"customer_unique_id": "b", "monetary_value": Decimal("0.01"), "avg_review_score": 2.0},
        {"customer_segment": "Champions", "frequency": 3, "monetary_value": Decimal("30.01"), "recency_days": 1},
        {"customer_segment": NO_ORDERS, "frequency": 0, "monetary_value": Decimal("0.00"), "recency_days": None},
    )
    rows = {row.segment: row for row in gold_segment_profiles(customers).collect()}
    assert {row.segment_kind for row in rows.values()} == {"rfm"}
    assert (rows["Lost"].customers, rows["Lost"].customer_share, rows["Lost"].revenue_share) == (2, 0.5, 0.5)
    assert (rows["Lost"].revenue, rows["Lost"].avg_monetary_value) == (Decimal("30.01"), 15.005)
    assert rows["Lost"].avg_review_score == 2.0
    assert (rows["Champions"].avg_frequency, rows[NO_ORDERS].avg_recency_days) == (3.0, None)
