"""gold_geographic_metrics: orders, customers and coordinates per city."""

from decimal import Decimal

from olist_assets.gold.gold_geographic_metrics import GOLD_GEOGRAPHIC_METRICS, gold_geographic_metrics
from olist_assets.silver.silver_customers import SILVER_CUSTOMERS
from olist_assets.silver.silver_geolocation import SILVER_GEOLOCATION
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets_tests.rows import frame

RIO = {"customer_state": "RJ", "customer_city": "rio de janeiro"}


def cities(spark, *, orders=(), customers=(), places=()):
    result = gold_geographic_metrics(
        frame(spark, SILVER_ORDERS_MASTER, *orders),
        frame(spark, SILVER_CUSTOMERS, *customers),
        frame(spark, SILVER_GEOLOCATION, *places),
    )
    return {(row.customer_state, row.customer_city): row for row in result.collect()}


def test_a_city_of_any_customer_has_a_row_and_cities_of_the_same_name_are_kept_apart_by_state(spark):
    rows = cities(spark, customers=[RIO, RIO | {"customer_id": "2"}, RIO | {"customer_state": "RS"}])
    assert set(rows) == {("RJ", "rio de janeiro"), ("RS", "rio de janeiro")}


def test_unique_customers_are_those_with_a_delivered_order(spark):
    rows = cities(
        spark,
        orders=[RIO | {"order_id": name, "customer_unique_id": person} for name, person in ("ax", "bx", "cy")],
        customers=[RIO | {"customer_id": n, "customer_unique_id": person} for n, person in ("1x", "2x", "3y", "4z")],
    )
    row = rows["RJ", "rio de janeiro"]
    assert (row.total_orders, row.unique_customers) == (3, 2)


def test_a_city_whose_customers_have_no_delivered_order_has_zeros_and_nulls(spark):
    row = cities(spark, customers=[RIO | {"customer_unique_id": "ana"}])["RJ", "rio de janeiro"]
    assert (row.total_orders, row.unique_customers, row.total_revenue) == (0, 0, Decimal("0.00"))
    assert (row.avg_order_value, row.avg_delivery_days, row.on_time_rate, row.avg_review_score) == (None,) * 4
    unique_customers = GOLD_GEOGRAPHIC_METRICS.column("unique_customers")
    assert (unique_customers.minimum, unique_customers.nullable) == (0, False)


def test_the_on_time_rate_leaves_out_orders_without_a_delivery_date(spark):
    order = RIO | {"order_total_value": Decimal("10.00")}
    rows = cities(
        spark,
        orders=[
            order | {"order_id": "a", "delivery_delay": 0},
            order | {"order_id": "b", "delivery_delay": -3},
            order | {"order_id": "c", "delivery_delay": 1},
            order | {"order_id": "d", "delivery_delay": None},
        ],
        customers=[RIO],
    )
    row = rows["RJ", "rio de janeiro"]
    assert (row.total_orders, row.total_revenue, row.avg_order_value) == (4, Decimal("40.00"), Decimal("10.00"))
    assert row.on_time_rate == 2 / 3


def test_the_coordinates_are_the_median_of_the_zip_prefixes_that_have_some(spark):
    rows = cities(
        spark,
        customers=[RIO | {"customer_id": name, "customer_zip_code_prefix": name} for name in ("1", "1b", "2", "3")],
        places=[
            {"zip_code_prefix": "1", "latitude": -22.0, "longitude": -43.0},
            {"zip_code_prefix": "2", "latitude": -24.0, "longitude": -43.0},
            {"zip_code_prefix": "3", "latitude": None, "longitude": None},
        ],
    )
    assert (rows["RJ", "rio de janeiro"].latitude, rows["RJ", "rio de janeiro"].longitude) == (-23.0, -43.0)


def test_a_city_without_a_known_zip_prefix_has_no_coordinates(spark):
    assert cities(spark, customers=[RIO])["RJ", "rio de janeiro"].latitude is None
