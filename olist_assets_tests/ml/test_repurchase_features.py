"""The features of a customer at a cutoff: what was known then, and nothing later."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import hypothesis
import hypothesis.strategies as st
import pytest

from olist_assets.ml.repurchase_features import FEATURES, customers_at_cutoff, labelled, with_cutoff
from olist_assets.silver.silver_order_reviews import SILVER_ORDER_REVIEWS
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets_tests.rows import frame, only

CUTOFF = date(2018, 3, 1)


def order(number: int, customer: str, bought: date, **others):
    values = {
        "order_id": f"o{number}",
        "customer_unique_id": customer,
        "order_date": bought,
        "order_delivered_customer_date": datetime(bought.year, bought.month, bought.day) + timedelta(days=8),
        "delivery_days": 8,
        "delivery_delay": -3,
        "order_total_value": Decimal("20.00"),
        "items_count": 2,
        "max_installments": 4,
    }
    return values | others


def review(order_id: str, score: int, answered: datetime | None):
    return {"order_ids": [order_id], "review_score": score, "review_answer_timestamp": answered}


@pytest.fixture
def known(spark):
    """Customers at the cutoff, from lists of orders and reviews; labelled if a horizon is given."""

    def found(orders, reviews, horizon=None):
        master = with_cutoff(frame(spark, SILVER_ORDERS_MASTER, *orders), CUTOFF)
        answers = frame(spark, SILVER_ORDER_REVIEWS, *reviews)
        if horizon:
            return labelled(master, answers, horizon)
        return customers_at_cutoff(master, answers)

    return found


def test_features_summarize_what_was_bought_before_the_cutoff(known):
    orders = [
        order(1, "a", date(2018, 1, 30)),
        order(2, "a", date(2018, 2, 9), order_total_value=Decimal("0.50"), max_installments=None, delivery_delay=1),
    ]
    row = only(known(orders, [review("o1", 5, datetime(2018, 2, 20)), review("o2", 2, datetime(2018, 2, 21))]))
    assert row.asDict() == {
        "customer_unique_id": "a",
        "recency_days": 20.0,
        "frequency": 2.0,
        "monetary_value": 20.5,
        "tenure_days": 30.0,
        "total_items_purchased": 4.0,
        "max_installments": 4.0,
        "avg_delivery_days": 8.0,
        "avg_delivery_delay": -1.0,
        "avg_review_score": 3.5,
        "has_review": 1.0,
    }


def test_a_delivery_and_an_answer_count_only_once_they_were_known(known):
    orders = [order(1, "a", date(2018, 2, 25))]
    row = only(known(orders, [review("o1", 1, datetime(2018, 3, 1)), review("o1", 5, None)]))
    assert (row.avg_delivery_days, row.avg_delivery_delay, row.avg_review_score, row.has_review) == (
        None,
        None,
        None,
        0,
    )
    assert row.recency_days == 4.0


def test_the_label_is_one_if_no_order_came_within_the_horizon(known):
    orders = [order(number, customer, date(2018, 2, 1)) for number, customer in enumerate("abc")]
    orders += [order(11, "a", CUTOFF), order(12, "b", CUTOFF + timedelta(90)), order(13, "new", CUTOFF)]
    labels = {row.customer_unique_id: row.has_no_order for row in known(orders, [], horizon=90).collect()}
    assert labels == {"a": 0, "b": 1, "c": 1}


days_before = st.dates(date(2018, 1, 1), CUTOFF - timedelta(1))
days_after = st.dates(CUTOFF, date(2018, 6, 30))
later_orders = st.lists(st.tuples(st.sampled_from("abcd"), days_after), max_size=4)


@hypothesis.settings(
    max_examples=8, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    earlier=st.lists(st.tuples(st.sampled_from("abc"), days_before), min_size=1, max_size=5),
    later=st.tuples(later_orders, later_orders),
    delivered=st.tuples(days_after, days_after),
    answered=st.tuples(st.none() | days_after, days_after),
    scores=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_no_feature_depends_on_what_happens_after_the_cutoff(known, earlier, later, delivered, answered, scores):
    def features(world: int):
        at, on = (pair[world] and datetime.combine(pair[world], datetime.min.time()) for pair in (answered, delivered))
        late = {"order_delivered_customer_date": on, "delivery_days": world + 5, "delivery_delay": world}
        orders = [order(number, who, day, **late) for number, (who, day) in enumerate(earlier)]
        orders += [order(100 + number, who, day, items_count=9) for number, (who, day) in enumerate(later[world])]
        reviews = [review(order["order_id"], scores[world], at) for order in orders]
        return sorted(tuple(row) for row in known(orders, reviews).select("customer_unique_id", *FEATURES).collect())

    assert features(0) == features(1)
