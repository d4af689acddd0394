"""The Business page over a small warehouse written without a JVM: figures, filters, what is missing, what fails."""

import math
import sys
import urllib.request
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import streamlit as st
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError
from streamlit.testing.v1 import AppTest

import olist_assets.dashboard
from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.dashboard import brazil, charts, data
from olist_assets.gold.gold_customer_metrics import GOLD_CUSTOMER_METRICS
from olist_assets.gold.gold_geographic_metrics import GOLD_GEOGRAPHIC_METRICS
from olist_assets.ml.gold_customer_churn_predictions import GOLD_CUSTOMER_CHURN_PREDICTIONS
from olist_assets.settings import Settings
from olist_assets.silver.silver_order_items import SILVER_ORDER_ITEMS
from olist_assets.silver.silver_orders_master import SILVER_ORDERS_MASTER
from olist_assets_tests.servers import free_port, server, wait_until

APP = Path(olist_assets.dashboard.__file__).with_name("app.py")
LAST = date(2018, 8, 29)
STATES, CATEGORIES = ("SP", "RJ", "AM"), ("toys", "health_beauty")


def orders() -> list[dict]:
    """400 days, two orders each; every third has no review, every fourth is late, one state in three each."""
    return [
        {
            "order_id": f"o{n}",
            "order_date": LAST - timedelta(days=n // 2),
            "customer_unique_id": f"c{n % 500}",
            "customer_state": STATES[n % 3],
            "customer_city": f"city {n % 6}",
            "delivery_days": 5 + n % 7,
            "delivery_delay": 2 if n % 4 == 0 else -5,
            "avg_review_score": None if n % 3 == 0 else 1.0 + n % 5,
            "order_total_value": Decimal(100 + n),
        }
        for n in range(800)
    ]


def items() -> list[dict]:
    return [
        {
            "order_id": f"o{n}",
            "order_item_id": 1,
            "product_category_name_english": CATEGORIES[n % 2],
            "price": Decimal(90 + n),
        }
        for n in range(800)
    ]


def customers() -> list[dict]:
    return [
        {
            "customer_unique_id": f"c{n}",
            "customer_state": STATES[n % 3],
            "customer_segment": "Champions" if n % 2 else "No Delivered Orders",
            "recency_score": 5 if n % 2 else None,
            "frequency_score": 4 if n % 2 else None,
            "monetary_score": 4 if n % 2 else None,
            "rfm_score": 13 if n % 2 else None,
            "monetary_value": Decimal(n),
            "clv_12_months": Decimal(n),
        }
        for n in range(500)
    ]


def predictions() -> list[dict]:
    return [
        {"customer_unique_id": f"c{n}", "churn_risk_category": "High Risk", "churn_percentile": 0.1} for n in range(500)
    ]


def cities() -> list[dict]:
    return [
        {"customer_state": state, "customer_city": f"city {n}", "latitude": -20.0 - n, "longitude": -45.0 - n}
        for n in range(6)
        for state in STATES
    ]


TABLES = {
    SILVER_ORDERS_MASTER: orders,
    SILVER_ORDER_ITEMS: items,
    GOLD_CUSTOMER_METRICS: customers,
    GOLD_CUSTOMER_CHURN_PREDICTIONS: predictions,
    GOLD_GEOGRAPHIC_METRICS: cities,
}
TYPES = {
    "string": pa.string(), "int": pa.int32(), "double": pa.float64(), "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"), "array<string>": pa.list_(pa.string()),
}  # fmt: skip


def write(settings: Settings, *tables) -> None:
    """Each table by its contract; columns that the rows do not name are null."""
    for table in tables:
        fields = []
        for column in table.columns:
            digits = column.type.removeprefix("decimal(").removesuffix(")").split(",")
            kind = TYPES.get(column.type) or pa.decimal128(*map(int, digits))
            fields.append((column.name, kind))
        path = lakehouse.table_path(settings, table.name)
        if not path.exists():
            DeltaTable.create(str(path), pa.schema(fields))
        write_deltalake(str(path), pa.Table.from_pylist(TABLES[table](), pa.schema(fields)), mode="overwrite")


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.setenv("OLIST_WAREHOUSE", str(tmp_path / "warehouse"))
    st.cache_data.clear()
    return Settings()


@pytest.fixture
def full(warehouse: Settings) -> Settings:
    write(warehouse, *TABLES)
    return warehouse


def opened() -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not page.exception
    return page


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def audited(settings: Settings) -> list[dict]:
    try:
        log = DeltaTable(str(audit_log.path(settings)))
    except TableNotFoundError:
        return []
    return log.to_pyarrow_table().to_pylist()


def expected(kept: pd.DataFrame) -> dict[str, str]:
    """The cards by pandas instead of SQL."""
    revenue = float(kept["order_total_value"].astype(float).sum())
    return {
        "Revenue": f"R$ {revenue:,.0f}",
        "Orders": f"{len(kept):,}",
        "Customers": f"{kept['customer_unique_id'].nunique():,}",
        "Average order": f"R$ {revenue / len(kept):,.2f}",
        "Delivery, days": f"{kept['delivery_days'].mean():.1f}",
        "On time": f"{(kept['delivery_delay'] <= 0).mean():.1%}",
        "Review score": f"{kept['avg_review_score'].mean():.2f}",
    }


def recent(days: int) -> pd.DataFrame:
    frame = pd.DataFrame(orders())
    return frame.loc[frame["order_date"] > LAST - timedelta(days=days)]


def test_figures_are_those_of_the_period_and_change_against_the_one_before(full):
    page = opened()
    assert not page.error
    assert not page.info
    assert figures(page) == expected(recent(180))
    before = recent(360).loc[lambda frame: ~frame.index.isin(recent(180).index)]
    change = recent(180)["order_total_value"].astype(float).sum() / before["order_total_value"].astype(float).sum() - 1
    assert page.metric[0].delta == f"{change:+.1%}"
    page.segmented_control[0].set_value("365").run()
    assert figures(page) == expected(recent(365))
    assert {metric.delta for metric in page.metric} == {""}, "the period before is only partly in the data"
    page.segmented_control[0].set_value("Dates").run()
    page.date_input[0].set_value((LAST - timedelta(days=59), LAST - timedelta(days=30))).run()
    assert figures(page) == expected(recent(60).loc[lambda frame: ~frame.index.isin(recent(30).index)])


def test_filters_by_state_and_category_reach_every_section_they_can(full):
    page = opened()
    page.multiselect[0].set_value(["SP", "RJ"])
    page.multiselect[1].set_value(["toys"]).run()
    assert not page.exception
    kept = recent(180)
    kept = kept.loc[kept["customer_state"].isin(["SP", "RJ"]) & (kept.index % 2 == 0)]
    assert figures(page) == expected(kept)
    (risk,) = [frame.value for frame in page.dataframe]
    assert risk["customers"].tolist() == [sum(c["customer_state"] != "AM" for c in customers())]
    page.segmented_control[0].set_value("30").run()
    assert page.dataframe[0].value["customers"].tolist() == risk["customers"].tolist()


def test_a_day_without_orders_counts_as_zero_in_averages(full, monkeypatch):
    kept = [order for order in orders() if order["order_date"] != LAST - timedelta(days=1)]
    monkeypatch.setitem(TABLES, SILVER_ORDERS_MASTER, lambda: kept)
    write(full, SILVER_ORDERS_MASTER)
    downloads: dict[str, pd.DataFrame] = {}
    monkeypatch.setattr(charts, "download", lambda frame, name, *_: downloads.update({name: frame}))
    opened()
    days = downloads["days"]
    assert len(days) == 180
    assert days["orders"].tolist()[-3:] == [2, 0, 2]
    week = [float(order["order_total_value"]) for order in kept if order["order_date"] > LAST - timedelta(days=7)]
    assert days["revenue_7d_avg"].iloc[-1] == pytest.approx(sum(week) / 7)
    assert days["orders_30d_avg"].iloc[-1] == pytest.approx(58 / 30)
    assert not any(map(math.isnan, days["growth_on_30_days_before"]))


def test_an_empty_warehouse_says_what_to_do(warehouse):
    page = opened()
    assert "`olist materialize`" in page.info[0].value
    assert not page.metric


def test_a_part_of_the_tables_shows_what_it_can(warehouse):
    write(warehouse, SILVER_ORDERS_MASTER)
    page = opened()
    assert figures(page) == expected(recent(180))
    told = " ".join(info.value for info in page.info)
    for missing in ("silver_order_items", "gold_customer_metrics", "gold_geographic_metrics"):
        assert f"olist materialize --select {missing}" in told
    assert "--select gold_customer_metrics,gold_customer_churn_predictions" in told
    assert not page.error


def test_a_new_version_shows_by_itself(full, monkeypatch):
    page = opened()
    monkeypatch.setitem(TABLES, SILVER_ORDERS_MASTER, lambda: orders()[:200])
    write(full, SILVER_ORDERS_MASTER)
    assert figures(page.run())["Orders"] == "200"


def test_queries_are_recorded_once_and_failures_with_their_error(full):
    page = opened()
    wait_until(lambda: len(audited(full)) > 0, "the audit log has the page's queries", 20)
    entries = audited(full)
    assert {entry["action"] for entry in entries} == {data.ACTION}
    assert not any(entry["error"] for entry in entries)
    statements = [entry["statement"] for entry in entries]
    assert len(statements) == len(set(statements))
    page.run()
    path = lakehouse.table_path(full, SILVER_ORDERS_MASTER.name)
    for file in path.glob("*.parquet"):
        file.write_bytes(b"not parquet")
    page.segmented_control[0].set_value("30").run()
    assert not page.exception
    assert any("silver_orders_master could not be read" in error.value for error in page.error)
    wait_until(lambda: any(entry["error"] for entry in audited(full)), "the failure is recorded", 20)
    failed = [entry for entry in audited(full) if entry["error"]]
    assert all("silver_orders_master" in entry["tables"] for entry in failed)


def test_a_role_sees_its_own_tables_and_rows_only(full, monkeypatch):
    everybody = data.answer("SELECT customer_unique_id FROM gold_customer_metrics")
    monkeypatch.setenv("OLIST_ROLE", "marketing")
    monkeypatch.setenv("OLIST_MASK_SALT", "a secret of the tests alone")
    page = opened()
    assert any("Role marketing may not read silver_orders_master" in error.value for error in page.error)
    seen = data.answer("SELECT customer_unique_id FROM gold_customer_metrics")
    assert len(seen) == sum(customer["customer_state"] == "SP" for customer in customers()) < len(everybody)
    assert not set(seen["customer_unique_id"]) & set(everybody["customer_unique_id"])


def test_the_command_serves_the_pages_on_the_loopback_address(warehouse, tmp_path):
    port = free_port()
    command = [sys.executable, "-c", "from olist_assets.cli.main import main; main()", "dashboard", "--port", str(port)]
    with (
        server(command, port, tmp_path / "log"),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer,
    ):
        assert answer.read() == b"ok"


def test_a_missing_table_is_no_failure(warehouse):
    write(warehouse, SILVER_ORDERS_MASTER)
    with pytest.raises(data.Missing, match="olist materialize --select gold_daily_metrics --upstream"):
        data.answer("FROM gold_daily_metrics JOIN silver_orders_master USING (order_date)")


def test_a_table_that_was_only_created_is_missing_and_one_of_a_single_commit_is_not(warehouse):
    path = lakehouse.table_path(warehouse, "gold_daily_metrics")
    DeltaTable.create(str(path), pa.schema([("n", pa.int32())]))
    with pytest.raises(data.Missing, match="Not made yet: gold_daily_metrics"):
        data.answer("FROM gold_daily_metrics")
    write_deltalake(str(lakehouse.table_path(warehouse, "gold_segment_profiles")), pa.table({"n": [7]}))
    assert data.answer("FROM gold_segment_profiles")["n"].tolist() == [7]


def test_each_state_is_one_tile():
    assert sorted(brazil.tiles()["state"]) == sorted(brazil.STATES)
    assert not brazil.tiles().duplicated(["column", "row"]).any()
