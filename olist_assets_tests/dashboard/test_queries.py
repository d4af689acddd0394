"""The dashboard's query files: each has a result, and its values are those of the tables, computed another way."""

import json
from collections import defaultdict
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.packaged_queries import query_files
from olist_assets.lakehouse.sql import tables_named

QUERIES = {path.stem: path for path in query_files()}
SUCCESS, USAGE_ERROR = 0, 2


@pytest.fixture
def olist_finished(olist_with, finished):
    """`olist` over the tables of the complete run."""
    return olist_with(finished.settings)


@pytest.fixture
def answer(olist_finished):
    """The rows of a query file, by `olist sql -f`."""

    def rows(name):
        code, text = olist_finished("sql", "-f", str(QUERIES[name]), "--format", "json")
        assert code == SUCCESS, text
        return json.loads(text)

    return rows


@pytest.fixture(scope="module")
def orders(finished):
    """All rows of silver_orders_master, as dictionaries."""
    tables = {"silver_orders_master": finished.warehouse.open("silver_orders_master")}
    with finished.warehouse.sql(tables) as con:
        return con.sql("FROM silver_orders_master").to_arrow_table().to_pylist()


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


@pytest.mark.parametrize("name", QUERIES)
def test_query_has_a_title_and_distinct_rows(answer, name):
    assert QUERIES[name].read_text().startswith("-- ")
    rows = answer(name)
    assert rows
    assert len({json.dumps(row) for row in rows}) == len(rows)


def test_there_are_eight_queries():
    assert len(QUERIES) == 8


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
    days = [date.fromisoformat(row["order_date"]) for row in rows]
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
        (month(date.fromisoformat(row["cohort_month"])), row["months_since"]): (
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


def test_tables_named_in_comments_are_not_opened(olist, settings, tmp_path):
    sql = "-- ação: gold_daily_metrics\nFROM silver_orders /* bronze_orders */"
    assert tables_named(sql, catalog().tables) == ("silver_orders",)
    query = tmp_path / "query.sql"
    query.write_text("-- not gold_daily_metrics\nSELECT 1 AS one;\n")
    assert olist("sql", "-f", str(query), "--format", "csv") == (SUCCESS, "one\n1\n")


def test_query_file_is_run_at_a_version(olist_finished, finished, tmp_path):
    query = tmp_path / "query.sql"
    # The byte order mark that some editors write is not part of the query.
    query.write_text("SELECT count(*) AS days FROM gold_daily_metrics", encoding="utf-8-sig")
    version = str(finished.warehouse.open("gold_daily_metrics").version())
    sql = partial(olist_finished, "sql", "--file", str(query))
    assert sql("--version", version, "--format", "csv") == (SUCCESS, "days\n774\n")
    code, text = sql("--as-of", "2016-01-01")
    assert (code, "had no data yet" in text) == (USAGE_ERROR, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sql",), "Give either a QUERY or a file with --file"),
        (("sql", "SELECT 1", "-f", "latin.sql"), "Give either a QUERY or a file with --file"),
        (("sql", "-f", "nothing.sql"), "nothing.sql cannot be read: No such file or directory"),
        (("sql", "-f", "latin.sql"), "latin.sql is not UTF-8"),
    ],
)
def test_query_is_given_exactly_once_as_readable_text(olist, settings, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    Path("latin.sql").write_bytes("SELECT 'ação'".encode("latin-1"))
    code, text = olist(*words)
    assert (code, message in " ".join(text.split())) == (USAGE_ERROR, True), text
    assert "Traceback" not in text
