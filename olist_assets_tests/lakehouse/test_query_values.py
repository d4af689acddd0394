"""The values of the packaged queries are those of the tables, computed in another way."""

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from olist_assets.lakehouse.packaged_queries import packaged_query, query_files
from olist_assets.lakehouse.sql import query_rows, tables_named
from olist_assets_tests.conftest import REAL_DATA, make_everything, needs_published_data

QUERIES = [path.stem for path in query_files()]


@pytest.fixture(scope="module")
def published(spark, tmp_path_factory):
    """Everything made from the published dataset."""
    assert REAL_DATA is not None
    return make_everything(tmp_path_factory.mktemp("published"), REAL_DATA)


@pytest.fixture(scope="module", params=["finished", pytest.param("published", marks=needs_published_data)])
def warehouse(request):
    """All tables, of the sample and of the published dataset."""
    return request.getfixturevalue(request.param).warehouse


@pytest.fixture(scope="module")
def answer(warehouse):
    """The rows of a packaged query, with decimals as floats."""

    def rows(name):
        query = packaged_query(name)
        named = tables_named(query, warehouse.catalog.tables)
        with warehouse.sql({table: warehouse.open(table) for table in named}) as con:
            found = query_rows(con, query, named)
        assert found is not None
        return [
            {column: float(value) if isinstance(value, Decimal) else value for column, value in row.items()}
            for row in found.to_pylist()
        ]

    return rows


@pytest.fixture(scope="module")
def orders(warehouse):
    """All rows of silver_orders_master, as dictionaries."""
    with warehouse.sql({"silver_orders_master": warehouse.open("silver_orders_master")}) as con:
        return con.sql("FROM silver_orders_master").to_arrow_table().to_pylist()


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


@pytest.mark.parametrize("name", QUERIES)
def test_query_has_distinct_rows(answer, name):
    rows = answer(name)
    assert rows
    assert len({json.dumps(row, default=str) for row in rows}) == len(rows)


def test_kpis_are_those_of_the_last_90_days_and_of_the_90_days_before(answer, orders):
    last = max(order["order_date"] for order in orders)

    def kpis(first, until):
        some = [order for order in orders if first <= order["order_date"] <= until]
        value = sum(order["order_total_value"] for order in some)
        return {
            "revenue": value,
            "orders": len(some),
            "customers": len({order["customer_unique_id"] for order in some}),
            "avg_order_value": value / len(some),
            "avg_review_score": mean(order["avg_review_score"] for order in some),
            "on_time_rate": mean(
                None if order["delivery_delay"] is None else order["delivery_delay"] <= 0 for order in some
            ),
        }

    recent = kpis(last - timedelta(days=89), last)
    before = kpis(last - timedelta(days=179), last - timedelta(days=90))
    rows = answer("kpis")
    assert [row["kpi"] for row in rows] == list(recent)
    for row in rows:
        now, then = float(recent[row["kpi"]]), float(before[row["kpi"]])
        assert row["last_90_days"] == pytest.approx(now, abs=1e-4)
        assert row["previous_90_days"] == pytest.approx(then, abs=1e-4)
        assert row["change"] == pytest.approx(now / then - 1, abs=1e-4)


def test_revenue_by_day_has_every_calendar_day_with_averages_over_calendar_days(answer, orders):
    revenue = defaultdict(float)
    for order in orders:
        revenue[order["order_date"]] += float(order["order_total_value"])
    rows = answer("revenue_by_day")
    days = [row["order_date"] for row in rows]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    assert days[-1] == max(revenue)
    for n, (day, row) in enumerate(zip(days, rows, strict=True)):
        assert row["revenue"] == pytest.approx(revenue[day], abs=0.01)
        for length in (7, 30):
            window = [revenue[d] for d in days[max(0, n - length + 1) : n + 1]]
            assert row[f"revenue_{length}d_avg"] == pytest.approx(sum(window) / len(window), abs=0.01)
    assert sum(row["orders_count"] for row in rows) == len(orders)


def test_cohort_retention_is_the_share_of_customers_with_an_order_in_each_month(answer, orders):
    def month(day):
        return day.year * 12 + day.month

    bought = defaultdict(set)
    for order in orders:
        bought[order["customer_unique_id"]].add(month(order["order_date"]))
    last = max(map(max, bought.values()))
    cohorts = defaultdict(list)
    for months in bought.values():
        cohorts[min(months)].append(months)
    expected = {
        (first, since): (len(customers), sum(first + since in months for months in customers))
        for first, customers in cohorts.items()
        for since in range(last - first + 1)
    }
    rows = answer("cohort_retention")
    found = {
        (month(row["cohort_month"]), row["months_since"]): (
            row["cohort_customers"],
            row["active_customers"],
        )
        for row in rows
    }
    assert found == expected
    assert len(rows) == len(expected)
    assert any(since and active for (_, since), (_, active) in found.items())
    assert all(row["retention"] == round(row["active_customers"] / row["cohort_customers"], 4) for row in rows)


def test_sums_over_all_groups_are_the_totals(answer, orders):
    revenue = float(sum(order["order_total_value"] for order in orders))
    for name in ("states", "churn_risk"):
        assert sum(row["revenue"] for row in answer(name)) == pytest.approx(revenue)
    for kind in ("rfm", "kmeans"):
        segments = [row for row in answer("segments") if row["segment_kind"] == kind]
        assert sum(row["revenue"] for row in segments) == pytest.approx(revenue)
    assert sum(row["orders"] for row in answer("states")) == len(orders)
    delivered = [order for order in orders if order["delivery_delay"] is not None]
    delivery = answer("delivery_against_reviews")
    assert sum(row["orders"] for row in delivery) == len(delivered)
    assert sum(row["reviewed_orders"] for row in delivery) == sum(
        order["avg_review_score"] is not None for order in delivered
    )
