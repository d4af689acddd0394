"""The sensor `orders_changed`: which days it requests, what it waits for, and days that the code location lacks."""

import json
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import dagster as dg
import pytest

from olist_assets.contracts.calendar import Calendar
from olist_assets.lakehouse.order_days import store_calendar
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.orchestration.order_changes import (
    MAX_RUNS,
    orders_changed_sensor,
    reload_code_location,
    sources_of_change,
)

CALENDAR = Calendar(date(2018, 1, 1), date(2018, 1, 31))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def write(instance: dg.DagsterInstance, table: str, *changed: str) -> None:
    """Report a written table, and the spans of days that it changed."""
    metadata = {"changed_days": list(changed)} if changed else {}
    instance.report_runless_asset_event(dg.AssetMaterialization(table, metadata=metadata))


def write_day(instance: dg.DagsterInstance, table: str, day: str) -> None:
    """Report one written day of a daily table."""
    instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=day))


def write_upstream(instance: dg.DagsterInstance, catalog, **changed: str) -> None:
    """Report all upstream tables of the daily ones, in the order of the graph."""
    daily = {*catalog.daily_tables}
    upstream = {name for table in daily for name in catalog.ancestors(table)} - daily
    for name in sorted(upstream, key=lambda name: (len(catalog.ancestors(name)), name)):
        write(instance, name, *([changed[name]] if name in changed else []))


class Ticks:
    """Ticks of the sensor one after the other, with the cursor between them."""

    def __init__(self, instance: dg.DagsterInstance, warehouse, calendar: Calendar = CALENDAR) -> None:
        self.instance, self.cursor = instance, None
        self.keys: set[str | None] = set()
        self.sensor = orders_changed_sensor(warehouse, calendar)

    def __call__(self) -> tuple[list[str], str]:
        """Spans that a tick requests, and why it requests none."""
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        result = self.sensor(context)
        self.cursor = context.cursor
        if isinstance(result, dg.SkipReason):
            return [], str(result.skip_message)
        requests = result.run_requests or []  # pyright: ignore
        bounds = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        self.keys = {request.run_key for request in requests}
        assert len(self.keys) == len(requests)
        return ["..".join(request.tags[bound] for bound in bounds) for request in requests], ""


@pytest.fixture
def tick(instance, warehouse):
    """The daily tables were written, and then nothing has changed."""
    write_upstream(instance, warehouse.catalog)
    return Ticks(instance, warehouse)


def test_nothing_is_requested_while_nothing_changes(tick):
    assert tick() == ([], "No day has changed.")
    assert tick() == ([], "No day has changed.")


def test_each_span_of_changed_days_is_one_run_until_it_is_written(tick, instance, warehouse):
    tick()
    write_upstream(
        instance, warehouse.catalog, bronze_orders="2018-01-03..2018-01-04", silver_order_reviews="2018-01-20"
    )
    assert tick() == (["2018-01-03..2018-01-04", "2018-01-20..2018-01-20"], "")
    run = dg.DagsterRun("daily")
    instance.add_run(run)
    assert "Changed days: 3. They wait for: gold_daily_metrics, silver_" in tick()[1]
    instance.report_run_failed(run)
    for name in warehouse.catalog.daily_tables:
        for day in ("2018-01-03", "2018-01-04"):
            write_day(instance, name, day)
    # The run of the third day failed. Dagster does not start a run with a key that it has seen.
    seen = tick.keys
    assert tick() == (["2018-01-20..2018-01-20"], "")
    assert tick.keys < seen
    write(instance, "bronze_orders", "2018-01-21")
    assert tick() == (["2018-01-20..2018-01-21"], "")
    assert not tick.keys & seen


def test_changes_before_the_sensor_was_turned_on_count_since_the_daily_tables_were_written(instance, warehouse):
    write_upstream(instance, warehouse.catalog, bronze_orders="2018-01-09")
    for name in warehouse.catalog.daily_tables:
        write_day(instance, name, "2018-01-09")
    write_upstream(instance, warehouse.catalog, bronze_orders="2018-01-10")
    assert Ticks(instance, warehouse)() == (["2018-01-10..2018-01-10"], "")


def test_days_that_a_complete_run_has_written_since_are_not_requested_again(instance, warehouse):
    ticks = Ticks(instance, warehouse)
    # Within a run a table may be written after a daily table that does not read it.
    write(instance, "bronze_orders", "2018-01-01..2018-01-02")
    for day in ("2018-01-01", "2018-01-02"):
        write_day(instance, "silver_orders", day)
    for name in ("silver_order_items", "silver_order_payments", "silver_order_reviews"):
        write(instance, name, "2018-01-01..2018-01-02")
    write_day(instance, "silver_orders_master", "2018-01-01")
    write_day(instance, "gold_daily_metrics", "2018-01-01")
    assert ticks() == (["2018-01-02..2018-01-02"], "")


def test_every_day_is_requested_if_the_daily_tables_were_never_written(instance, warehouse):
    write_upstream(instance, warehouse.catalog, bronze_orders="2018-01-01..2018-01-31")
    assert Ticks(instance, warehouse)() == (["2018-01-01..2018-01-31"], "")


def test_it_waits_until_no_upstream_table_is_older_than_its_own_parents(tick, instance):
    tick()
    write(instance, "bronze_orders", "2018-01-03")
    write(instance, "bronze_order_items")
    requested, reason = tick()
    assert (requested, "silver_order_items" in reason, "Changed days: 1." in reason) == ([], True, True)
    for name in ("silver_order_items", "silver_order_payments", "silver_order_reviews"):
        write(instance, name)
    assert tick() == (["2018-01-03..2018-01-03"], "")


def test_it_waits_for_a_run_that_is_going_to_write_an_upstream_table(tick, instance):
    tick()
    write(instance, "bronze_orders", "2018-01-03")
    run = dg.DagsterRun("olist", asset_selection=frozenset({dg.AssetKey("bronze_customers")}))
    instance.add_run(run)
    assert tick()[1] == "Changed days: 1. They wait for: bronze_customers."
    instance.report_run_failed(run)
    assert tick() == (["2018-01-03..2018-01-03"], "")


def test_days_do_not_wait_for_ever_where_order_events_change_bronze_all_the_time(tick, instance):
    tick()
    write(instance, "bronze_order_items")
    write(instance, "bronze_orders", "2018-01-03")
    assert "silver_order_items" in tick()[1]
    write(instance, "silver_order_items")
    write(instance, "bronze_order_items")
    write(instance, "bronze_orders", "2018-01-04")
    instance.add_run(dg.DagsterRun("stream"))
    instance.add_run(dg.DagsterRun("olist", asset_selection=frozenset({dg.AssetKey("silver_order_items")})))
    assert tick() == (["2018-01-03..2018-01-04"], "")
    # The next change waits for the items again.
    write(instance, "bronze_orders", "2018-01-05")
    assert tick()[1] == "Changed days: 3. They wait for: silver_order_items."


def test_very_many_spans_are_joined(tick, instance):
    tick()
    write(instance, "bronze_orders", *(f"2018-01-{day:02}" for day in range(1, 32, 2)))
    requested, _ = tick()
    assert len(requested) == MAX_RUNS
    assert (requested[0][:10], requested[-1][-10:]) == ("2018-01-01", "2018-01-31")


def test_days_that_the_code_location_lacks_stay_pending_and_the_others_are_requested(tick, instance, warehouse):
    tick()
    write(instance, "bronze_orders", "2018-01-31..2018-02-02")
    warehouse.require_writable()
    store_calendar(warehouse, Calendar(CALENDAR.first, date(2018, 2, 2)))
    assert tick() == (["2018-01-31..2018-01-31"], "")
    for name in warehouse.catalog.daily_tables:
        write_day(instance, name, "2018-01-31")
    requested, reason = tick()
    assert requested == []
    assert "2018-02-01..2018-02-02 are not partitions of the loaded code location" in reason
    reloaded = Ticks(instance, warehouse, Calendar(CALENDAR.first, date(2018, 2, 2)))
    reloaded.cursor = tick.cursor
    assert reloaded() == (["2018-02-01..2018-02-02"], "")


def test_days_outside_of_the_configured_days_are_reported(instance, warehouse):
    settings = warehouse.settings.model_copy(update={"days": "2018-01-01..2018-01-31"})
    write_upstream(instance, warehouse.catalog, bronze_orders="2017-01-01")
    requested, reason = Ticks(instance, Warehouse(settings, warehouse.catalog))()
    assert (requested, "2017-01-01" in reason, "outside of OLIST_DAYS" in reason) == ([], True, True)


def test_the_daily_tables_upstream_tables_report_their_changed_days(tables):
    assert sources_of_change(tables) == [
        "bronze_orders",
        "silver_customers",
        "silver_order_items",
        "silver_order_payments",
        "silver_order_reviews",
    ]


class Webserver:
    """Answers GraphQL requests with one result."""

    def __init__(self, result: dict[str, Any], status: int = 200) -> None:
        asked: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps({"data": {"reloadRepositoryLocation": result}}).encode())

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self.asked, self.server = asked, HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> "Webserver":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_reload_asks_the_webserver_for_the_location_by_name():
    entry = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    with Webserver(entry) as webserver:
        assert reload_code_location(webserver.url, "olist") is None
    assert webserver.asked[0]["variables"] == {"name": "olist"}
    assert "reloadRepositoryLocation" in webserver.asked[0]["query"]


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ({"__typename": "ReloadNotSupported"}, "ReloadNotSupported"),
        ({"__typename": "PythonError", "message": "broken"}, "broken"),
        (
            {
                "__typename": "WorkspaceLocationEntry",
                "locationOrLoadError": {"__typename": "PythonError", "message": "no"},
            },
            "no",
        ),
    ],
)
def test_a_reload_that_fails_says_why(result, problem):
    with Webserver(result) as webserver:
        assert reload_code_location(webserver.url, "olist") == problem


def test_a_webserver_that_does_not_answer_is_reported():
    assert "does not answer (ConnectionError)" in str(reload_code_location("http://127.0.0.1:9", "olist"))
    with Webserver({}, status=500) as webserver:
        assert "does not answer (HTTPError)" in str(reload_code_location(webserver.url, "olist"))
