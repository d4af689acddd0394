"""gold_customer_metrics: value, recency, scores and segment per person."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from olist_assets.errors import OlistError
from olist_assets.gold.gold_customer_metrics import (
    NO_ORDERS,
    SEGMENTS,
    CustomerMetricsConfig,
    gold_customer_metrics,
    segment,
)
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets.silver.silver_purchases import SILVER_PURCHASES
from olist_assets_tests.rows import frame, only


def metrics(spark, *orders, customers=None, as_of=None):
    people = sorted({order["customer_unique_id"] for order in orders})
    customers = customers or [{"customer_id": person, "customer_unique_id": person} for person in people]
    result = gold_customer_metrics(
        CustomerMetricsConfig(as_of=as_of),
        frame(spark, SILVER_ORDERS_MASTER, *(order | {"order_id": str(at)} for at, order in enumerate(orders))),
        frame(spark, SILVER_CUSTOMERS, *customers),
        frame(spark, SILVER_PURCHASES),
    )
    return {row.customer_unique_id: row for row in result.collect()}


def order(person, day, value="100.00", **more):
    return {
        "customer_unique_id": person,
        "order_date": date.fromisoformat(day),
        "order_total_value": Decimal(value),
        **more,
    }


def test_orders_are_grouped_by_person_and_not_by_customer_id(spark):
    rows = metrics(
        spark,
        order("ana", "2018-01-01", customer_id="1", items_count=2),
        order("ana", "2018-01-31", "50.00", customer_id="2"),
        order("rui", "2018-03-02", customer_id="3"),
    )
    ana = rows["ana"]
    assert (ana.frequency, ana.monetary_value, ana.avg_order_value) == (2, Decimal("150.00"), Decimal("75.00"))
    assert (ana.recency_days, ana.tenure_days, ana.customer_lifetime_days) == (30, 60, 30)
    assert ana.total_items_purchased == 3
    assert rows["rui"].recency_days == 0


def test_the_yearly_value_is_never_extrapolated_from_a_tenure_of_less_than_a_year(spark):
    rows = metrics(spark, order("new", "2018-01-01"), order("old", "2016-01-02"))
    assert rows["new"].clv_12_months == Decimal("100.00")
    assert rows["old"].clv_12_months == Decimal("50.00")  # 730 days


def test_orders_after_as_of_do_not_count(spark):
    rows = metrics(spark, order("ana", "2018-01-01"), order("ana", "2018-02-01"), as_of="2018-01-11")
    assert (rows["ana"].frequency, rows["ana"].recency_days) == (1, 10)


def test_an_as_of_that_is_not_a_date_is_refused_with_the_expected_format(spark):
    with pytest.raises(OlistError, match="YYYY-MM-DD"):
        metrics(spark, order("ana", "2018-01-01"), as_of="yesterday")


def test_customers_without_a_delivered_order_have_a_row_with_nulls(spark):
    customers = [{"customer_id": "1", "customer_unique_id": "ana"}, {"customer_id": "2", "customer_unique_id": "eva"}]
    eva = metrics(spark, order("ana", "2018-01-01"), customers=customers)["eva"]
    assert (eva.customer_segment, eva.frequency, eva.monetary_value) == (NO_ORDERS, 0, Decimal("0.00"))
    assert (eva.recency_days, eva.rfm_score, eva.clv_12_months, eva.avg_review_score) == (None, None, None, None)


def test_scores_follow_the_exact_percentiles_and_equal_values_score_equally(spark):
    # Values 10..50: the boundaries are 18, 26, 34 and 42.
    orders = [order(f"p{at}", "2018-01-01", f"{at}0.00") for at in range(1, 6)]
    rows = metrics(spark, *orders)
    assert [rows[f"p{at}"].monetary_score for at in range(1, 6)] == [1, 2, 3, 4, 5]
    assert {row.recency_score for row in rows.values()} == {5}
    assert {row.frequency_score for row in rows.values()} == {1}
    assert rows["p5"].rfm_score == 5 + 1 + 5


def test_the_most_recent_customer_has_the_best_recency_score(spark):
    rows = metrics(spark, *(order(f"p{day}", f"2018-01-0{day}") for day in range(1, 6)))
    assert [rows[f"p{day}"].recency_score for day in range(1, 6)] == [1, 2, 3, 4, 5]


def test_the_city_is_that_of_the_latest_order_of_any_status(spark):
    result = gold_customer_metrics(
        CustomerMetricsConfig(),
        frame(spark, SILVER_ORDERS_MASTER, order("ana", "2018-01-01")),
        frame(
            spark,
            SILVER_CUSTOMERS,
            {"customer_id": "1", "customer_unique_id": "ana", "customer_city": "rio"},
            {"customer_id": "2", "customer_unique_id": "ana", "customer_city": "recife"},
        ),
        frame(
            spark,
            SILVER_PURCHASES,
            {"order_id": "a", "customer_id": "1", "order_purchase_timestamp": datetime(2018, 1, 1)},
            {"order_id": "b", "customer_id": "2", "order_purchase_timestamp": datetime(2018, 2, 1)},
        ),
    )
    assert only(result).customer_city == "recife"


# Recency, frequency and monetary score, and the first rule of tables.md that fits them.
@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((1, 1, 3), "Lost"),
        ((2, 1, 4), "At Risk"),
        ((2, 4, 4), "At Risk"),
        ((1, 5, 4), "Can't Lose Them"),
        ((3, 1, 1), "About To Sleep"),
        ((3, 1, 4), "Needs Attention"),
        ((3, 3, 4), "Loyal Customers"),
        ((5, 3, 4), "Champions"),
        ((5, 1, 5), "Potential Loyalists"),
        ((4, 5, 5), "Loyal Customers"),
        ((4, 1, 2), "Potential Loyalists"),
        ((5, 1, 1), "New Customers"),
        ((4, 1, 1), "Promising"),
        ((None, None, None), NO_ORDERS),
    ],
)
def test_the_segment_is_the_first_whose_rule_holds(spark, scores, expected):
    frame_of_scores = spark.createDataFrame([scores], "recency_score int, frequency_score int, monetary_score int")
    assert only(frame_of_scores.select(segment().alias("segment"))).segment == expected
    assert expected in (NO_ORDERS, *SEGMENTS)
