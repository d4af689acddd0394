"""Days and tables that differ from bronze: found after a change of the source, and only they are made by `--stale`."""

from datetime import date, timedelta

import dagster as dg

from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import MAX_RUNS, stale_requests
from olist_assets.operations.stale import CODE_VERSION_TAG, Stale, outdated_code, stale
from olist_assets_tests.conftest import make
from olist_assets_tests.copies import change_source

SUCCESS, FAILED = 0, 1
DAY = date(2018, 1, 10)


def delivered_on(record, day):
    return record["order_status"] == "delivered" and record["order_purchase_timestamp"].startswith(str(day))


def rows_by_day(platform, name):
    return platform.warehouse.rows_by_day(platform.warehouse.open(name), "order_date")


def versions(platform):
    return {name: platform.warehouse.open(name).version() for name in platform.catalog.daily_tables}


def test_changed_source_makes_its_days_stale_and_only_they_are_made_again(copied, olist_with):
    assert not stale(copied)
    removed = min(day for day in rows_by_day(copied, "silver_orders") if day > "2018-02")

    def moved_or_removed(record):
        if delivered_on(record, DAY):
            moment = record["order_purchase_timestamp"].replace(str(DAY), "2018-01-11")
            return record | {"order_purchase_timestamp": moment}
        return None if delivered_on(record, removed) else record

    changed = change_source(copied.settings, "orders", moved_or_removed)
    assert {str(DAY), removed} == {record["order_purchase_timestamp"][:10] for record in changed}
    assert make(copied, "bronze_orders").succeeded
    found = stale(copied)
    assert [str(day) for day in found.days] == ["2018-01-10", "2018-01-11", removed]
    assert set(found.days[DAY]) == set(copied.catalog.daily_tables)
    before, olist = versions(copied), olist_with(copied.settings)
    code, text = olist("stale")
    assert (code, removed in text) == (FAILED, True)
    code, text = olist("materialize", "--stale")
    assert code == SUCCESS, text
    commits = {name: version - before[name] for name, version in versions(copied).items()}
    assert commits == dict.fromkeys(copied.catalog.daily_tables, 2)
    assert not rows_by_day(copied, "silver_orders").keys() & {"2018-01-10", removed}
    code, text = olist("stale")
    assert (code, "Nothing is stale" in text) == (SUCCESS, True), text
    after = versions(copied)
    assert olist("materialize", "--stale")[0] == SUCCESS
    assert versions(copied) == after


def test_order_that_moved_is_on_its_new_day_only_once_that_day_is_made(copied, olist_with):
    def moved(record):
        return record | {"order_purchase_timestamp": "2018-03-03 10:00:00"} if delivered_on(record, DAY) else record

    changed = change_source(copied.settings, "orders", moved)
    assert changed
    assert make(copied, "bronze_orders").succeeded
    before = rows_by_day(copied, "silver_orders_master")
    report = make(copied, ",".join(copied.catalog.daily_tables), (date(2018, 3, 3), date(2018, 3, 3)))
    # A check reports what is not right yet: the metrics of the old day still count the order.
    assert [check.check_name for check in report.failed_checks] == ["revenue_matches_silver"]
    now = rows_by_day(copied, "silver_orders_master")
    assert str(DAY) not in now
    assert now["2018-03-03"] == before.get("2018-03-03", 0) + len(changed)
    assert [str(day) for day in stale(copied).days] == [str(DAY)]
    assert olist_with(copied.settings)("materialize", "--stale")[0] == SUCCESS
    assert not stale(copied)


def test_changed_price_makes_the_day_of_its_order_stale_and_the_table_of_payments(copied, olist_with):
    with copied.warehouse.sql({"silver_orders": copied.warehouse.open("silver_orders")}) as con:
        order, day = con.execute("SELECT order_id, order_date FROM silver_orders ORDER BY ALL LIMIT 1").fetchall()[0]

    def dearer(record):
        return record | {"payment_value": "12345.67"} if record["order_id"] == order else record

    assert change_source(copied.settings, "order_payments", dearer)
    assert make(copied, "bronze_order_payments").succeeded
    found = stale(copied)
    assert found.tables == ("silver_order_payments",)
    assert found.days == {day: ("silver_orders_master", "gold_daily_metrics")}
    code, text = olist_with(copied.settings)("materialize", "--stale")
    assert code == SUCCESS, text
    assert not stale(copied)


def test_tables_made_by_older_code_are_listed_and_do_not_change_the_exit_code(copied, olist_with):
    assert outdated_code(copied) == {}
    report_materialized(copied, "silver_order_reviews", {CODE_VERSION_TAG: "older"})
    report_materialized(copied, "gold_category_metrics", {CODE_VERSION_TAG: "older"})
    current = copied.graph.get(dg.AssetKey("gold_category_metrics")).code_version
    assert outdated_code(copied)["gold_category_metrics"] == ("older", current)
    code, text = olist_with(copied.settings)("stale")
    assert code == SUCCESS, text
    assert "made by older code gold_category_metrics, silver_order_reviews\n" in text
    assert "Nothing is stale" in text
    assert make(copied, "silver_order_reviews").succeeded
    assert set(outdated_code(copied)) == {"gold_category_metrics"}


def test_day_that_is_made_again_does_not_make_its_table_outdated(copied):
    # The days after it, whose trailing columns change, are reported by events of their own.
    assert make(copied, ",".join(copied.catalog.daily_tables), (DAY, DAY)).succeeded
    assert outdated_code(copied) == {}


def test_write_without_a_run_keeps_the_code_version_of_the_last_run(platform):
    # `olist forget` and `olist restore` report their commits without a version of the code.
    report_materialized(platform, "bronze_orders", {CODE_VERSION_TAG: "older"})
    report_materialized(platform, "bronze_orders", {})
    report_materialized(platform, "bronze_sellers", {})
    current = platform.graph.get(dg.AssetKey("bronze_orders")).code_version
    assert outdated_code(platform) == {"bronze_orders": ("older", current)}


def report_materialized(platform: Platform, name: str, tags: dict[str, str]) -> None:
    with platform.instance() as storage:
        storage.report_runless_asset_event(dg.AssetMaterialization(name, tags=tags))


def test_stale_tables_are_made_before_the_daily_ones_and_these_one_after_the_other(platform):
    orders, master, metrics = platform.catalog.daily_tables
    every_day = platform.calendar.days
    one, next_day, later = DAY, DAY + timedelta(1), DAY + timedelta(5)
    found = Stale(("silver_order_payments",), {one: (orders, master), next_day: (master,), later: (master, metrics)})
    requests = stale_requests(platform, found, downstream=False)
    assert [(request.assets, request.days) for request in requests] == [
        ({"silver_order_payments"}, every_day),
        ({orders}, (one, one)),
        ({master}, (one, next_day)),
        ({master}, (later, later)),
        ({metrics}, (later, later)),
    ]
    *same, rest = stale_requests(platform, found, downstream=True)
    assert same == requests
    assert rest.days == every_day
    assert {"gold_customer_metrics", "churn_model"} <= rest.assets
    assert not rest.assets & {"silver_order_payments", orders, master, metrics}
    assert stale_requests(platform, Stale((), {}), downstream=True) == []


def test_very_many_stale_spans_are_made_in_a_bounded_number_of_runs(platform):
    days = [DAY + timedelta(2 * n) for n in range(MAX_RUNS + 5)]
    requests = stale_requests(platform, Stale((), dict.fromkeys(days, ("silver_orders",))), downstream=False)
    assert len(requests) == MAX_RUNS
    assert (requests[0].days[0], requests[-1].days[1]) == (days[0], days[-1])
    assert all(any(first <= day <= last for first, last in (r.days for r in requests)) for day in days)
