"""Runs for a day or a span of days: what they make, what they report to Dagster, and a span that fails halfway."""

from datetime import date

import dagster as dg

from olist_assets.contracts.calendar import each_day
from olist_assets.operations import selection

SUCCESS, FAILED = 0, 1
DAY = date(2018, 1, 10)


def test_day_makes_the_daily_tables_and_reports_the_days_that_look_back_at_it(copied, olist_with):
    code, text = olist_with(copied.settings)("materialize", "--day", str(DAY))
    assert code == SUCCESS, text
    assert "3 tables" in text
    with copied.instance() as storage:
        assert storage.get_materialized_partitions(dg.AssetKey("silver_orders")) == {str(DAY)}
        days = storage.get_materialized_partitions(dg.AssetKey("gold_daily_metrics"))
    last = min(copied.calendar.last, date(2019, 2, 8))
    assert days == {str(day) for day in each_day((DAY, last))}


def test_downstream_also_makes_the_tables_that_are_made_from_the_days(copied, olist_with):
    code, text = olist_with(copied.settings)("materialize", "--day", str(DAY), "--downstream")
    assert code == SUCCESS, text
    for name in ("gold_customer_metrics", "gold_geographic_metrics", "gold_segment_profiles"):
        assert f"✓ {name}" in text


def test_span_that_fails_reports_which_days_are_written_and_the_same_command_finishes_it(
    copied, olist_with, monkeypatch
):
    path, olist = copied.warehouse.path("silver_order_items"), olist_with(copied.settings)
    hidden = path.with_name("hidden")
    days = ("--days", "2018-01-01..2018-01-31")
    with monkeypatch.context() as patch:
        patch.setattr(selection, "missing_parents", lambda *_: {})
        path.rename(hidden)
        code, text = olist("materialize", *days)
    assert code == FAILED
    words = " ".join(text.split())
    assert "2018-01-01..2018-01-31 of silver_orders: written" in words
    assert "2018-01-01..2018-01-31 of silver_orders_master: unchanged; run the command again to write it" in words
    with copied.instance() as storage:
        assert len(storage.get_materialized_partitions(dg.AssetKey("silver_orders"))) == 31
        assert not storage.get_materialized_partitions(dg.AssetKey("silver_orders_master"))
    hidden.rename(path)
    assert olist("materialize", *days)[0] == SUCCESS
