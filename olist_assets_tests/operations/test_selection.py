"""What a run is asked to make: selections, days, and upstream tables that do not exist. No JVM but for one test."""

from datetime import date

import dagster as dg
import pytest

from olist_assets.errors import OlistError
from olist_assets.operations.selection import (
    assets_to_make,
    checked_days,
    existing_days,
    missing_parents,
    selected,
    with_downstream,
)
from olist_assets_tests.rows import store

SUCCESS, WRONG_USE = 0, 2
DAY = date(2018, 1, 10)


def test_commas_unite_selections_in_dagsters_syntax(platform):
    assert selected(platform, "bronze_sellers, bronze_products") == {"bronze_sellers", "bronze_products"}
    silver = {name for name, table in platform.catalog.tables.items() if table.layer == "silver"}
    assert selected(platform, "group:silver") == silver
    assert selected(platform, "+silver_order_reviews") == {"bronze_order_reviews", "silver_order_reviews"}


def test_everything_is_all_but_the_assets_of_monitoring(platform):
    everything = {*platform.catalog.business_tables, *platform.catalog.models, *platform.catalog.promotions}
    assert selected(platform, "*") == everything
    with pytest.raises(OlistError, match="'group:monitoring' matches no table"):
        selected(platform, "group:monitoring")


def test_part_that_matches_nothing_is_refused_with_the_known_tables(platform):
    with pytest.raises(OlistError, match=r"'gold_nothing' matches no table\. Tables: bronze_customers, "):
        selected(platform, "bronze_sellers,gold_nothing")


def test_downstream_adds_everything_that_is_made_from_the_tables(platform):
    found = with_downstream(platform, {"silver_orders_master"})
    assert {"silver_orders_master", "gold_daily_metrics", "gold_customer_metrics", "churn_model"} <= found
    assert not found & {"silver_orders", "gold_product_metrics"}


def test_days_must_be_in_order_and_within_the_calendar(platform):
    first, last = platform.calendar.days
    assert checked_days(platform, (first, last)) == (first, last)
    with pytest.raises(OlistError, match="run backwards"):
        checked_days(platform, (last, first))
    with pytest.raises(OlistError, match=r"2018-10-18 is not within the days of the data: 2016-09-04\.\.2018-10-17"):
        checked_days(platform, (date(2018, 10, 18), date(2018, 10, 18)))


def test_missing_upstream_tables_are_named_or_included(platform):
    days = (DAY, DAY)
    with pytest.raises(OlistError, match=r"bronze_orders \(never made\).*Include them by --upstream"):
        assets_to_make(platform, "silver_orders", days, upstream=False, downstream=False)
    found = assets_to_make(platform, "silver_orders", days, upstream=True, downstream=False)
    assert found == {"bronze_customers", "bronze_orders", "silver_customers", "silver_orders"}
    assert missing_parents(platform, {"gold_customer_segments_ml"}, days)["segmentation_model_champion"] == "never made"


def test_existing_days_have_rows_or_are_recorded_as_materialized(platform, warehouse):
    store(warehouse, platform.catalog.table("silver_orders"), {"order_date": DAY})
    with platform.instance() as storage:
        storage.report_runless_asset_event(dg.AssetMaterialization("silver_orders", partition="2018-01-12"))
    assert existing_days(platform, "silver_orders") == {DAY, date(2018, 1, 12)}
    missing = missing_parents(platform, {"silver_orders_master"}, (date(2018, 1, 9), date(2018, 1, 13)))
    assert missing["silver_orders"] == "not made for 2018-01-09, 2018-01-11, 2018-01-13"


def test_upstream_tables_of_a_day_are_named_or_made_by_the_command(olist, spark):
    code, text = olist("materialize", "--select", "silver_orders", "--day", str(DAY))
    assert (code, "bronze_orders (never made)" in text, "--upstream" in text) == (WRONG_USE, True, True)
    code, text = olist("materialize", "--select", "silver_orders", "--day", str(DAY), "--upstream")
    assert code == SUCCESS, text
    code, text = olist("materialize", "--select", "silver_orders_master", "--days", "2018-01-09..2018-01-11")
    assert code == WRONG_USE
    assert "silver_orders (not made for 2018-01-09, 2018-01-11)" in " ".join(text.split())
