"""Reruns as their user meets them: days, what they need, what is stale, a source that changes, a killed run."""

import csv
import os
import shutil
import socket
import subprocess
import sys
import uuid
from datetime import date

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.operations import selection
from olist_assets.definitions import defs
from olist_assets.orchestration.instance import instance
from olist_assets.jobs import DAILY_TABLES
from olist_assets.orchestration.run_launcher import PROCESS_TAG, WatchedRunLauncher
from olist_assets.contracts.source_files import SOURCES
from olist_assets.operations.stale import stale
from olist_assets_tests.conftest import make, use

DONE, FAILED, WRONG_USE = 0, 1, 2
DAY = date(2018, 1, 10)


@pytest.fixture
def warehouse(finished, monkeypatch, tmp_path):
    """Settings over a copy of the finished tables and of their source."""
    shutil.copytree(finished.settings.warehouse_path, tmp_path / "warehouse")
    shutil.copytree(finished.data, tmp_path / "data")
    return use(monkeypatch, tmp_path, tmp_path / "data")


def change_orders(settings, change):
    """Rewrite the orders file with `change` done to each record (None takes it out); gives the records changed."""
    path = settings.data / SOURCES["orders"].name
    with path.open(newline="") as opened:
        records = list(csv.DictReader(opened))
    new = [change(dict(record)) for record in records]
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, SOURCES["orders"].columns)
        writer.writeheader()
        writer.writerows(record for record in new if record)
    return [old for old, now in zip(records, new, strict=True) if old != now]


def delivered_on(record, day):
    return record["order_status"] == "delivered" and record["order_purchase_timestamp"].startswith(str(day))


def counts(settings, name):
    table = lakehouse.open_table(settings, name)
    return lakehouse.rows_by_day(table, name, "order_date", "true")


def test_a_day_alone_makes_the_daily_tables_and_tells_dagster_of_the_days_that_look_back_at_it(olist, warehouse):
    code, text = olist("materialize", "--day", str(DAY))
    assert code == DONE, text
    assert "3 tables" in text
    with instance() as storage:
        assert storage.get_materialized_partitions(dg.AssetKey("silver_orders")) == {str(DAY)}
        days = storage.get_materialized_partitions(dg.AssetKey("gold_daily_metrics"))
    last = min(selection.ALL_DAYS[1], date(2019, 2, 8))
    assert days == {str(day) for day in selection.each_day((DAY, last))}


def test_downstream_takes_the_tables_made_from_the_days_along(olist, warehouse):
    code, text = olist("materialize", "--day", str(DAY), "--downstream")
    assert code == DONE, text
    for name in ("gold_customer_metrics", "gold_geographic_metrics", "gold_segment_profiles"):
        assert f"✓ {name}" in text


def test_what_a_day_reads_and_is_not_there_is_named_or_made(olist, settings):
    code, text = olist("materialize", "--select", "silver_orders", "--day", str(DAY))
    assert (code, "bronze_orders (never made)" in text, "--upstream" in text) == (WRONG_USE, True, True)
    code, text = olist("materialize", "--select", "silver_orders", "--day", str(DAY), "--upstream")
    assert code == DONE, text
    code, text = olist("materialize", "--select", "silver_orders_master", "--days", "2018-01-09..2018-01-11")
    assert code == WRONG_USE
    assert "silver_orders (not made for 2018-01-09, 2018-01-11)" in " ".join(text.split())


def test_a_changed_source_makes_its_days_stale_and_only_they_are_rerun(olist, warehouse):
    assert not stale()
    gone = min(day for day in counts(warehouse, "silver_orders") if day > "2018-02")

    def later(record):
        if delivered_on(record, DAY):
            return record | {
                "order_purchase_timestamp": record["order_purchase_timestamp"].replace(str(DAY), "2018-01-12")
            }
        return None if delivered_on(record, gone) else record

    changed = change_orders(warehouse, later)
    assert {str(DAY), gone} == {record["order_purchase_timestamp"][:10] for record in changed}
    assert make("bronze_orders").succeeded
    found = stale()
    assert [str(day) for day in found.days] == ["2018-01-10", "2018-01-12", gone]
    assert set(found.days[DAY]) == set(DAILY_TABLES)
    before = {name: lakehouse.open_table(warehouse, name).version() for name in DAILY_TABLES}
    code, text = olist("stale")
    assert (code, gone in text) == (FAILED, True)
    code, text = olist("materialize", "--stale")
    assert code == DONE, text
    assert {
        name: lakehouse.open_table(warehouse, name).version() - before[name] for name in DAILY_TABLES
    } == dict.fromkeys(DAILY_TABLES, 3)
    assert not counts(warehouse, "silver_orders").keys() & {"2018-01-10", gone}
    assert olist("stale")[0] == DONE
    assert olist("materialize", "--stale")[0] == DONE


def test_an_order_that_moved_stands_on_its_new_day_only_after_that_day_alone(warehouse, olist):
    moved = change_orders(
        warehouse,
        lambda record: (
            record | {"order_purchase_timestamp": "2018-03-03 10:00:00"} if delivered_on(record, DAY) else record
        ),
    )
    assert moved
    assert make("bronze_orders").succeeded
    was = counts(warehouse, "silver_orders_master")
    report = make(",".join(DAILY_TABLES), (date(2018, 3, 3), date(2018, 3, 3)))
    # What is not yet right is said: the old day's own figures still count the order.
    assert [check.check_name for check in report.failed_checks] == ["revenue_matches_silver"]
    now = counts(warehouse, "silver_orders_master")
    assert str(DAY) not in now
    assert now["2018-03-03"] == was.get("2018-03-03", 0) + len(moved)
    assert [str(day) for day in stale().days] == [str(DAY)]
    assert olist("materialize", "--stale")[0] == DONE


def test_a_changed_price_makes_the_day_of_its_order_stale_and_the_tables_before_it(warehouse, olist):
    path = warehouse.data / SOURCES["order_payments"].name
    with path.open(newline="") as opened:
        records = list(csv.DictReader(opened))
    with lakehouse.connection({"silver_orders": lakehouse.open_table(warehouse, "silver_orders")}) as con:
        order, day = con.execute("SELECT order_id, order_date FROM silver_orders ORDER BY ALL LIMIT 1").fetchall()[0]
    for record in records:
        if record["order_id"] == order:
            record["payment_value"] = "12345.67"
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, SOURCES["order_payments"].columns)
        writer.writeheader()
        writer.writerows(records)
    assert make("bronze_order_payments").succeeded
    found = stale()
    assert found.tables == ("silver_order_payments",)
    assert found.days == {day: ("silver_orders_master", "gold_daily_metrics")}
    code, text = olist("materialize", "--stale")
    assert code == DONE, text
    assert not stale()


def test_a_range_that_fails_says_which_days_are_in_and_asking_again_finishes_it(olist, warehouse, monkeypatch):
    lakehouse_row = lakehouse.table_path(warehouse, "silver_order_items")
    hidden = lakehouse_row.with_name("hidden")
    days = ("--days", "2018-01-01..2018-01-31")
    with monkeypatch.context() as patch:
        patch.setattr(selection, "missing_parents", lambda *_: {})
        lakehouse_row.rename(hidden)
        code, text = olist("materialize", *days)
    assert code == FAILED
    said = " ".join(text.split())
    assert "2018-01-01..2018-01-31 of silver_orders: in" in said
    assert "2018-01-01..2018-01-31 of silver_orders_master: as it was" in said
    with instance() as storage:
        assert len(storage.get_materialized_partitions(dg.AssetKey("silver_orders"))) == 31
        assert not storage.get_materialized_partitions(dg.AssetKey("silver_orders_master"))
    hidden.rename(lakehouse_row)
    assert olist("materialize", *days)[0] == DONE


def test_a_run_whose_process_was_killed_is_failed_by_the_next(settings):
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    killed, alive, elsewhere, rerun, untagged = runs = [str(uuid.uuid4()) for _ in range(5)]
    here = socket.gethostname()
    tags = {
        killed: f"{killed}@{here}:{dead.pid}",
        alive: f"{alive}@{here}:{os.getpid()}",
        elsewhere: f"{elsewhere}@other:{dead.pid}",
        rerun: f"{killed}@{here}:{dead.pid}",  # not yet in its own process
        untagged: "",
    }
    job, started = defs.resolve_job_def("olist"), dg.DagsterRunStatus.STARTED
    with instance() as storage:
        for run_id in runs:
            storage.create_run_for_job(job, run_id=run_id, status=started, tags={PROCESS_TAG: tags[run_id]})
        health = {run.run_id: WatchedRunLauncher().check_run_worker_health(run).status for run in storage.get_runs()}
    with instance() as storage:
        states = {run.run_id: run.status for run in storage.get_runs()}
    assert states == dict.fromkeys(runs, started) | {killed: dg.DagsterRunStatus.FAILURE}
    assert health == dict.fromkeys(runs, WorkerStatus.RUNNING) | {killed: WorkerStatus.FAILED}


def test_many_spans_are_joined_where_the_gaps_are_smallest():
    days = [date(2018, 1, day) for day in (1, 3, 10, 11, 20)]
    found = selection.spans(days)
    assert [selection.span_text(span) for span in found] == [
        "2018-01-01", "2018-01-03", "2018-01-10..2018-01-11", "2018-01-20",
    ]  # fmt: skip
    assert selection.at_most(4, found) == found
    assert [selection.span_text(span) for span in selection.at_most(2, found)] == [
        "2018-01-01..2018-01-11",
        "2018-01-20",
    ]
