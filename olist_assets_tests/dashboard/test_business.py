"""The Business page over a small warehouse: KPIs, filters, missing tables, roles."""

import math
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from olist_assets.dashboard import charts, data
from olist_assets.dashboard.business import brazil, orders
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.dashboard import business_rows
from olist_assets_tests.dashboard.business_rows import LAST, TABLES, write
from olist_assets_tests.dashboard.conftest import APP, messages, rerun
from olist_assets_tests.servers import free_port, server

ORDERS = "silver_orders_master"


@pytest.fixture
def full(warehouse: Warehouse) -> Warehouse:
    write(warehouse, *TABLES)
    return warehouse


def opened() -> AppTest:
    return rerun(AppTest.from_file(str(APP), default_timeout=60))


def cards(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def expected(kept: pd.DataFrame) -> dict[str, str]:
    """The cards, computed with pandas instead of SQL."""
    revenue = float(kept["order_total_value"].astype(float).sum())
    return {
        "Revenue": f"R$ {revenue:,.0f}",
        "Orders": f"{len(kept):,}",
        "Customers": f"{kept['customer_unique_id'].nunique():,}",
        "Average order value": f"R$ {revenue / len(kept):,.2f}",
        "Delivery days": f"{kept['delivery_days'].mean():.1f}",
        "On time": f"{(kept['delivery_delay'] <= 0).mean():.1%}",
        "Review score": f"{kept['avg_review_score'].mean():.2f}",
    }


def recent(days: int, until: int = 0) -> pd.DataFrame:
    """The orders of the last days, without those of the last `until` days."""
    frame = pd.DataFrame(business_rows.orders())
    age = frame["order_date"].map(lambda day: (LAST - day).days)
    return frame.loc[(age >= until) & (age < days)]


def test_kpis_are_those_of_the_period_with_the_change_against_the_previous_one(full: Warehouse):
    page = opened()
    assert not messages(page)
    assert cards(page) == expected(recent(180))
    now, previous = (frame["order_total_value"].astype(float).sum() for frame in (recent(180), recent(360, 180)))
    assert page.metric[0].delta == f"{now / previous - 1:+.1%}"
    page.segmented_control[0].set_value("365").run()
    assert cards(page) == expected(recent(365))
    assert {metric.delta for metric in page.metric} == {""}, "the data cover only a part of the previous period"
    page.segmented_control[0].set_value("Dates").run()
    page.date_input[0].set_value((LAST - timedelta(days=59), LAST - timedelta(days=30))).run()
    assert cards(page) == expected(recent(60, 30))


def test_filters_of_states_and_categories_reach_all_sections_that_they_apply_to(full: Warehouse):
    page = opened()
    page.multiselect[0].set_value(["SP", "RJ"])
    page.multiselect[1].set_value(["toys"])
    rerun(page)
    kept = recent(180)
    kept = kept.loc[kept["customer_state"].isin(["SP", "RJ"]) & (kept.index % 2 == 0)]
    assert cards(page) == expected(kept)
    (risk,) = [frame.value for frame in page.dataframe]
    assert risk["customers"].tolist() == [sum(row["customer_state"] != "AM" for row in business_rows.customers())]
    page.segmented_control[0].set_value("30").run()
    assert page.dataframe[0].value["customers"].tolist() == risk["customers"].tolist()


def test_day_without_orders_counts_as_zero_in_averages(full: Warehouse, monkeypatch: pytest.MonkeyPatch):
    kept = [order for order in business_rows.orders() if order["order_date"] != LAST - timedelta(days=1)]
    monkeypatch.setitem(TABLES, ORDERS, lambda: kept)
    write(full, ORDERS)
    downloads: dict[str, pd.DataFrame] = {}
    monkeypatch.setattr(orders, "download", lambda frame, name, *_: downloads.update({name: frame}))
    opened()
    days = downloads["days"]
    assert len(days) == 180
    assert days["orders"].tolist()[-3:] == [2, 0, 2]
    week = [float(order["order_total_value"]) for order in kept if order["order_date"] > LAST - timedelta(days=7)]
    assert days["revenue_7d_avg"].iloc[-1] == pytest.approx(sum(week) / 7)
    assert days["orders_30d_avg"].iloc[-1] == pytest.approx(58 / 30)
    assert not any(map(math.isnan, days["growth_on_previous_30_days"]))


def test_page_of_an_empty_warehouse_shows_the_command_that_creates_the_tables(settings: Settings):
    page = opened()
    assert "`olist materialize`" in page.info[0].value
    assert not page.metric


def test_page_shows_what_the_existing_tables_allow(warehouse: Warehouse):
    write(warehouse, ORDERS)
    page = opened()
    assert cards(page) == expected(recent(180))
    for missing in ("silver_order_items", "gold_customer_metrics", "gold_geographic_metrics"):
        assert f"olist materialize --select {missing}" in messages(page)
    assert "--select gold_customer_metrics,gold_customer_churn_predictions" in messages(page)
    assert not page.error


def test_new_version_is_shown_without_a_restart(full: Warehouse, monkeypatch: pytest.MonkeyPatch):
    page = opened()
    monkeypatch.setitem(TABLES, ORDERS, lambda: business_rows.orders()[:200])
    write(full, ORDERS)
    assert cards(page.run())["Orders"] == "200"


def test_role_sees_only_its_tables_and_rows(full: Warehouse, monkeypatch: pytest.MonkeyPatch):
    everybody = data.answer("SELECT customer_unique_id FROM gold_customer_metrics")
    monkeypatch.setenv("OLIST_ROLE", "marketing")
    monkeypatch.setenv("OLIST_MASK_SALT", "a secret of the tests alone")
    assert f"Role marketing may not read {ORDERS}" in messages(opened())
    seen = data.answer("SELECT customer_unique_id FROM gold_customer_metrics")
    in_sp = sum(customer["customer_state"] == "SP" for customer in business_rows.customers())
    assert len(seen) == in_sp < len(everybody)
    assert not set(seen["customer_unique_id"]) & set(everybody["customer_unique_id"])


def test_an_analyst_sees_the_whole_page(full: Warehouse, monkeypatch: pytest.MonkeyPatch):
    everything = cards(opened())
    monkeypatch.setenv("OLIST_ROLE", "analyst")
    monkeypatch.setenv("OLIST_MASK_SALT", "a secret of the tests alone")
    page = opened()
    assert (cards(page), list(page.error)) == (everything, [])


def test_command_serves_the_pages_on_the_loopback_address(settings: Settings, tmp_path: Path):
    port = free_port()
    command = [sys.executable, "-c", "from olist_assets.cli.main import main; main()", "dashboard", "--port", str(port)]
    with (
        server(command, port, tmp_path / "log"),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer,
    ):
        assert answer.read() == b"ok"


def test_each_state_is_one_tile():
    assert sorted(brazil.tiles()["state"]) == sorted(brazil.STATES)
    assert not brazil.tiles().duplicated(["column", "row"]).any()


@pytest.mark.parametrize(
    ("amount", "text"), [(158.42, "R$ 158.42"), (12345.4, "R$ 12,345"), (3.03e6, "R$ 3.03 M"), (-12345, "R$ -12,345")]
)
def test_amounts_are_as_short_as_their_size_allows(amount, text):
    assert charts.brl(amount) == text
