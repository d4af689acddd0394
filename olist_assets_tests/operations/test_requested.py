"""What one run is asked to make: its assets, and the days that its daily tables have. No Spark."""

import csv
from datetime import date
from pathlib import Path

import pytest

from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.source_files import SOURCES
from olist_assets.errors import OlistError
from olist_assets.lakehouse.order_days import store_calendar
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import requested
from olist_assets_tests.conftest import settings_in
from olist_assets_tests.rows import store

KNOWN = Calendar(date(2018, 1, 1), date(2018, 1, 31))
SPAN = (date(2018, 1, 3), date(2018, 1, 5))


@pytest.fixture
def platform(tmp_path: Path, sample: Path) -> Platform:
    """A warehouse that knows the days of a month, over a source with two more days."""
    data = tmp_path / "data"
    data.mkdir()
    with (sample / SOURCES["orders"].name).open(newline="") as opened:
        order = next(csv.DictReader(opened))
    with (data / SOURCES["orders"].name).open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(order))
        writer.writeheader()
        writer.writerows(
            order | {"order_purchase_timestamp": f"{day} 10:00:00"} for day in ("2018-01-01", "2018-02-02")
        )
    platform = Platform(settings_in(tmp_path, data))
    platform.warehouse.require_writable()
    store_calendar(platform.warehouse, KNOWN)
    return platform


def test_everything_is_made_for_the_days_that_the_source_has_now(platform):
    grown, request = requested(platform, None, None)
    assert request.days == grown.calendar.days == (KNOWN.first, date(2018, 2, 2))
    assert request.assets == {
        *platform.catalog.business_tables, *platform.catalog.models, *platform.catalog.promotions,
    }  # fmt: skip


def test_a_run_that_does_not_read_the_orders_keeps_the_known_days(platform):
    same, request = requested(platform, "bronze_sellers", None)
    assert (same, request.days, request.assets) == (platform, KNOWN.days, {"bronze_sellers"})


def test_days_of_the_settings_are_never_replaced(platform):
    fixed = Platform(platform.settings.model_copy(update={"days": "2018-01-01..2018-01-31"}))
    assert requested(fixed, "bronze_orders", None)[1].days == KNOWN.days


def test_a_span_of_days_is_of_the_daily_tables(platform):
    for table in ("bronze_orders", "silver_customers", "silver_order_items", "silver_order_payments"):
        store(platform.warehouse, platform.catalog.table(table), {})
    store(platform.warehouse, platform.catalog.table("silver_order_reviews"), {})
    _, request = requested(platform, None, SPAN, allow_schema_change=True)
    assert request.assets == set(platform.catalog.daily_tables)
    assert (request.days, request.allow_schema_change) == (SPAN, True)


@pytest.mark.parametrize("span", [(date(2018, 2, 1), date(2018, 2, 2)), (date(2017, 12, 31), date(2018, 1, 1))])
def test_days_that_are_not_known_are_refused_with_the_remedy(platform, span):
    with pytest.raises(OlistError, match=r"not within the days of the data: 2018-01-01\.\.2018-01-31.*bronze_orders"):
        requested(platform, None, span)


def test_missing_upstream_tables_are_named_or_included(platform):
    with pytest.raises(OlistError, match=r"silver_orders \(never made\).*--upstream"):
        requested(platform, "silver_orders_master", SPAN)
    assert requested(platform, "silver_orders_master", SPAN, upstream=True)[1].assets >= {
        "silver_orders", "bronze_orders", "silver_customers", "bronze_customers",
    }  # fmt: skip
