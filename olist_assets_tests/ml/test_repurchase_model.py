"""The cutoffs of training and test of the repurchase model."""

from datetime import date

import pytest

from olist_assets.errors import OlistError
from olist_assets.ml.repurchase_model import cutoffs_of
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets_tests.rows import frame


def test_the_training_ends_where_the_test_begins_and_the_test_ends_with_the_data(spark):
    orders = [{"order_date": day} for day in (date(2017, 1, 1), date(2018, 8, 29))]
    train_at, test_at = cutoffs_of(frame(spark, SILVER_ORDERS_MASTER, *orders), 90)
    assert (train_at, test_at) == (date(2018, 3, 3), date(2018, 6, 1))


def test_orders_over_too_few_days_are_refused(spark):
    enough = [{"order_date": date(2018, 1, 1)}, {"order_date": date(2018, 1, 21)}]
    assert cutoffs_of(frame(spark, SILVER_ORDERS_MASTER, *enough), 10) == (date(2018, 1, 2), date(2018, 1, 12))
    for orders in (enough[:1], []):
        with pytest.raises(OlistError, match="more than twice its horizon of 10 days"):
            cutoffs_of(frame(spark, SILVER_ORDERS_MASTER, *orders), 10)
