"""The command line as its user meets it: exit codes, one clear message, and tables that stay as they were."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import models, tables
from olist_assets.cli import main as cli
from olist_assets.sample_data.generator import write_sample
from olist_assets.contracts.source_files import SOURCES
from olist_assets_tests.conftest import use

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def versions(settings):
    return {name: table.version() for name, table in lakehouse.tables_on_disk(settings).items()}


@pytest.mark.parametrize(
    "command",
    [
        "materialize",
        "checks",
        "sql",
        "history",
        "diff",
        "restore",
        "tables",
        "doctor",
        "sample-data",
        "ui",
        "predict",
        "mlflow",
        "thrift-server",
        "monitor",
        "alerts",
        "audit",
        "export",
        "forget",
    ],
)
def test_help_of_every_command_has_an_example_or_says_enough(olist, command):
    code, text = olist(command, "--help")
    assert code == DONE
    assert "Usage: olist" in text
    assert command in {"tables", "doctor", "ui", "mlflow", "monitor"} or f"  olist {command}" in text


def test_a_whole_run_end_to_end(finished):
    report = finished.report
    assert report.succeeded, (report.failures, report.failed_checks, report.not_run)
    assert set(report.rows) == set(tables())
    assert report.versions == dict.fromkeys(models(), 1)
    assert [check.check_name for check in report.warnings] == ["features_do_not_leak_the_label"]
    assert len(report.checks) == len({(c.asset_key, c.check_name) for c in report.checks}) > 200


def test_materialize_shows_each_table_and_ends_with_a_summary(olist, settings):
    code, text = olist("materialize", "--select", "bronze_sellers,bronze_products")
    assert code == DONE
    assert "✓ bronze_sellers" in text
    assert "checks of bronze_products" in text
    assert "2 tables, 370 rows, 20 of 20 checks passed" in text
    assert str(settings.warehouse_path) in text
    assert "make ui" in text
    assert set(versions(settings)) == {"bronze_sellers", "bronze_products"}


def test_a_day_makes_that_day_and_leaves_the_others(olist, finished, monkeypatch, tmp_path):
    use(monkeypatch, tmp_path, finished.data)
    shutil.copytree(finished.settings.warehouse_path, tmp_path / "warehouse")
    settings = use(monkeypatch, tmp_path, finished.data)
    before = versions(settings)
    code, text = olist("materialize", "--select", "silver_orders", "--day", "2017-11-24")
    assert code == DONE, text
    assert {name for name, version in versions(settings).items() if version != before[name]} == {"silver_orders"}
    code, text = olist("materialize", "--select", "silver_orders", "--days", "2017-11-01..2017-11-30")
    assert code == DONE, text


def test_the_first_day_alone_may_have_sold_nothing(olist, settings):
    selection = "bronze_orders,bronze_customers,silver_orders,silver_rejects,bronze_order_items,bronze_order_payments"
    code, text = olist("materialize", "--select", selection + ",bronze_order_reviews", "--day", "2016-09-04")
    assert code == DONE, text
    assert "silver_orders: row_count_is_positive" in text
    assert lakehouse.statistics(lakehouse.open_table(settings, "silver_orders"))["rows"] == 0


def test_checks_run_alone_without_touching_a_table(olist, finished, monkeypatch):
    settings = finished.use(monkeypatch)
    before = versions(settings)
    code, text = olist("checks", "--select", "group:gold")
    assert code == DONE, text
    assert "checks passed" in text
    assert versions(settings) == before


def test_a_failed_blocking_check_stops_what_follows_and_the_exit_code_says_so(olist, finished, monkeypatch, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(finished.data, folder)
    sellers = folder / SOURCES["sellers"].name
    settings = use(monkeypatch, tmp_path, folder)
    assert olist("materialize", "--select", "group:bronze")[0] == DONE
    # An item whose seller is in no file: a blocking foreign key.
    items = folder / SOURCES["order_items"].name
    record = items.read_text().splitlines()[1].split(",")
    record[1], record[3] = "999", "nobody"
    items.write_text(items.read_text() + ",".join(record) + "\n")
    code, text = olist(
        "materialize",
        "--select",
        "bronze_order_items,silver_order_items,silver_rejects,silver_order_reviews,bronze_order_reviews,gold_product_metrics",
    )
    assert code == FAILED
    assert "silver_order_items: seller_id_exists_in_bronze_sellers" in text
    assert "Not run, because of the above: gold_product_metrics" in text
    assert "gold_product_metrics" not in versions(settings)
    assert sellers.exists()


def test_a_failed_check_alone_gives_exit_code_1(olist, settings):
    assert olist("materialize", "--select", "bronze_sellers")[0] == DONE
    sellers = settings.data / SOURCES["sellers"].name
    before = sellers.read_bytes()
    try:
        sellers.write_bytes(before + b"new,1,x,SP\n")
        code, text = olist("checks", "--select", "bronze_sellers")
    finally:
        sellers.write_bytes(before)
    assert code == FAILED
    assert "row_count_matches_file" in text


def test_sql_tables_and_doctor(olist, finished, monkeypatch):
    finished.use(monkeypatch)
    code, text = olist("sql", "--format", "csv", "SELECT count(*) AS days FROM gold_daily_metrics")
    assert (code, list(csv.reader(io.StringIO(text)))) == (DONE, [["days"], ["774"]])
    code, text = olist("sql", "--format", "json", "SELECT 1 AS one FROM silver_rejects HAVING count(*) >= 0")
    assert (code, json.loads(text)) == (DONE, [{"one": 1}])
    code, text = olist("tables")
    assert code == DONE
    assert f"{finished.report.rows['bronze_geolocation']:,}" in text
    code, text = olist("doctor")
    assert code == DONE, text
    assert "OLIST_DATA" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("materialize", "--select", "gold_nothing"), "'gold_nothing' matches no table"),
        (("materialize", "--select", "group:platinum"), "'group:platinum' matches no table"),
        (("materialize", "--select", "((("), "'(((' matches no table"),
        (("checks", "--select", "nothing"), "'nothing' matches no table"),
        (("materialize", "--day", "2017-13-01"), "is not a day like 2017-11-24"),
        (("materialize", "--day", "2031-01-01"), "not within the days of the data: 2016-09-04..2018-10-17"),
        (("materialize", "--days", "2018-01-02..2018-01-01"), "run backwards"),
        (("materialize", "--days", "2018-01-02"), "is not a span like"),
        (("materialize", "--day", "2018-01-02", "--days", "2018-01-02..2018-01-03"), "exclude each other"),
        (("sql", "SELECT * FROM gold_daily_metrics"), "olist materialize --select gold_daily_metrics"),
        (("sql", "SELECT * FROM nothing"), "nothing does not exist"),
        (("sql", "--format", "xml", "SELECT 1"), "'xml' is not one of"),
        (("sample-data", "/dev/null/x"), "/dev/null"),
        (("sample-data", "x", "--scale", "1000"), "scale must be between 0.01 and 100"),
        (("nothing",), "No such command"),
    ],
)
def test_wrong_use_is_one_message_and_exit_code_2(olist, settings, monkeypatch, tmp_path, words, message):
    monkeypatch.chdir(tmp_path)
    code, text = olist(*words)
    assert code == WRONG_USE
    assert message in " ".join(text.split())
    assert "Traceback" not in text
    assert versions(settings) == {}


def lose(folder):
    (folder / SOURCES["products"].name).unlink()


def rename_column(folder):
    path = folder / SOURCES["orders"].name
    path.write_text(path.read_text().replace("order_status", "state", 1))


def empty(folder):
    (folder / SOURCES["order_reviews"].name).write_bytes(b"")


def recode(folder):
    path = folder / SOURCES["geolocation"].name
    path.write_bytes(path.read_text().encode("latin-1", "replace"))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lose, "olist_products_dataset.csv is missing"),
        (rename_column, "missing columns ['order_status'], unexpected columns ['state']"),
        (empty, "olist_order_reviews_dataset.csv is empty"),
        (recode, "olist_geolocation_dataset.csv is not UTF-8"),
    ],
)
def test_a_wrong_file_stops_the_run_before_the_first_write(olist, finished, monkeypatch, tmp_path, fault, message):
    folder = tmp_path / "data"
    shutil.copytree(finished.data, folder)
    fault(folder)
    settings = finished.use(monkeypatch)
    monkeypatch.setenv("OLIST_DATA", str(folder))
    before = versions(settings)
    code, text = olist("materialize")
    assert (code, versions(settings)) == (WRONG_USE, before)
    assert message in " ".join(text.split())
    assert "Traceback" not in text
    code, text = olist("doctor")
    assert code == FAILED
    assert message in " ".join(text.split())


def test_a_table_whose_upstream_was_never_made_fails_with_the_command_that_makes_it(olist, settings):
    code, text = olist("materialize", "--select", "silver_order_reviews")
    assert code == WRONG_USE
    assert "bronze_order_reviews (never made). Have it made too: --upstream" in " ".join(text.split())
    assert "Traceback" not in text
    assert versions(settings) == {}


def test_half_a_zip_stops_the_run(olist, settings, monkeypatch, tmp_path):
    archive = Path(shutil.make_archive(str(tmp_path / "data"), "zip", settings.data))
    archive.write_bytes(archive.read_bytes()[:-1000])
    monkeypatch.setenv("OLIST_DATA", str(archive))
    monkeypatch.setenv("OLIST_CACHE", str(tmp_path / "cache"))
    code, text = olist("materialize")
    assert code == WRONG_USE
    assert "is not a whole zip file" in text


def test_no_java_is_a_message_that_names_what_to_install(olist, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, text = olist("materialize", "--select", "bronze_sellers")
    assert code == WRONG_USE
    assert "openjdk-17-jre-headless" in text
    assert olist("doctor")[0] == FAILED


def test_an_old_java_is_named_with_its_version(olist, settings, monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, text = olist("materialize", "--select", "bronze_sellers")
    assert code == WRONG_USE
    assert "11.0.2" in text


def test_a_warehouse_that_cannot_be_written_is_named(olist, settings, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OLIST_WAREHOUSE", str(tmp_path / "file" / "warehouse"))
    code, text = olist("materialize", "--select", "bronze_sellers")
    assert code == WRONG_USE
    assert "Cannot write to the warehouse" in text
    assert "OLIST_WAREHOUSE" in text


@pytest.mark.parametrize("name", ["OLIST_LOCK_TIMEOUT", "OLIST_SPARK_CONF"])
def test_a_setting_that_makes_no_sense_is_named(olist, settings, monkeypatch, name):
    monkeypatch.setenv(name, "soon")
    code, text = olist("tables")
    assert code == WRONG_USE
    assert name in text
    assert "Traceback" not in text


def test_dirty_data_is_rejected_record_by_record(olist, spark, monkeypatch, tmp_path):
    injected = write_sample(tmp_path / "dirty", scale=0.02, dirty=True).injected
    settings = use(monkeypatch, tmp_path, tmp_path / "dirty")
    code, text = olist("materialize", "--select", "group:bronze,group:silver")
    assert code in (DONE, FAILED), text
    with lakehouse.connection(lakehouse.tables_on_disk(settings)) as con:
        query = 'SELECT "table", reason, count(*) FROM silver_rejects GROUP BY ALL'
        rejected = {(table, reason): rows for table, reason, rows in con.execute(query).fetchall()}
    assert rejected == injected
    assert "nothing_is_lost" not in text
    assert code == DONE, text


def test_ctrl_c_stops_the_run_and_leaves_whole_tables(settings):
    command = [str(Path(sys.executable).with_name("olist")), "materialize", "--select", "group:bronze"]
    as_in_a_terminal = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=os.environ, preexec_fn=_with_ctrl_c, **as_in_a_terminal) as run:
        assert run.stdout is not None
        lines = []
        for line in run.stdout:
            lines.append(line)
            if sum("✓ bronze_" in line for line in lines) == 1 and "✓ bronze_" in line:
                run.send_signal(signal.SIGINT)
    assert run.returncode == INTERRUPTED, lines
    assert "Stopped. Finished tables stay" in lines[-1]
    assert "Traceback" not in "".join(lines)
    made = versions(settings)
    assert set() < set(made) < {name for name in tables() if "bronze" in name}


def _with_ctrl_c():
    # A test run in the background hands down that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_ui_listens_on_loopback_only(monkeypatch, settings):
    seen = []
    monkeypatch.setattr("os.execv", lambda _, command: seen.append(command))
    cli.olist.main(["ui", "--port", "3999"], standalone_mode=False)
    assert seen[0][seen[0].index("-h") + 1] == "127.0.0.1"


def test_the_entry_point_starts_quickly_enough_to_import_neither_dagster_nor_spark_for_help():
    code = "import sys, olist_assets.cli.main; print([m for m in ('dagster', 'pyspark') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
