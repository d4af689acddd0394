"""`olist materialize` and `olist checks`: what they print, their exit codes, and tables that stay as they were."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from olist_assets.cli.options import INTERRUPTED
from olist_assets.contracts.source_files import SOURCES
from olist_assets.lakehouse.statistics import statistics
from olist_assets.sample_data.generator import write_sample
from olist_assets_tests.conftest import environment, settings_in

SUCCESS, FAILED, WRONG_USE = 0, 1, 2
pytestmark = pytest.mark.usefixtures("spark")


def versions(warehouse):
    return {name: table.version() for name, table in warehouse.existing_tables().items()}


def test_materialize_prints_each_table_and_ends_with_a_summary(olist, warehouse):
    code, text = olist("materialize", "--select", "bronze_sellers,bronze_products")
    assert code == SUCCESS
    assert "✓ bronze_sellers" in text
    assert "checks of bronze_products" in text
    assert "2 tables, 370 rows, 25 of 25 checks passed" in text
    assert f"Tables: {warehouse.root}" in text
    assert "olist ui" in text
    assert set(versions(warehouse)) == {"bronze_sellers", "bronze_products"}


def test_first_day_alone_may_have_no_sale(olist, warehouse):
    code, text = olist("materialize", "--select", "silver_orders,silver_rejects", "--upstream", "--day", "2016-09-04")
    assert code == SUCCESS, text
    assert "silver_orders: row_count_is_positive" in text
    assert statistics(warehouse.open("silver_orders")).rows == 0


def test_failed_blocking_check_stops_the_following_tables_and_gives_exit_code_1(olist_with, tmp_path, sample):
    folder = tmp_path / "broken"
    shutil.copytree(sample, folder)
    settings = settings_in(tmp_path, folder)
    # A table without rows: a blocking check.
    sellers = folder / SOURCES["sellers"].name
    sellers.write_text(sellers.read_text().splitlines()[0] + "\n")
    selection = "silver_sellers,silver_products"
    code, text = olist_with(settings)("materialize", "--select", selection, "--upstream")
    assert code == FAILED
    assert "bronze_sellers: row_count_is_positive" in text
    assert "Not run because of the above: silver_sellers" in text
    tables = {path.name for path in settings.warehouse_path.glob("*/*_*")}
    assert {"bronze_sellers", "silver_products"} < tables
    assert "silver_sellers" not in tables


def test_failed_check_alone_gives_exit_code_1(olist_with, tmp_path, sample):
    folder = tmp_path / "changed"
    shutil.copytree(sample, folder)
    olist = olist_with(settings_in(tmp_path, folder))
    assert olist("materialize", "--select", "bronze_sellers")[0] == SUCCESS
    assert olist("checks", "--select", "bronze_sellers")[0] == SUCCESS
    with (folder / SOURCES["sellers"].name).open("ab") as sellers:
        sellers.write(b"new,1,x,SP\n")
    code, text = olist("checks", "--select", "bronze_sellers")
    assert code == FAILED
    assert "row_count_matches_file" in text


def test_table_whose_upstream_was_never_made_fails_with_the_option_that_includes_it(olist, warehouse):
    code, text = olist("materialize", "--select", "silver_order_reviews")
    assert code == WRONG_USE
    assert "bronze_order_reviews (never made). Include them by --upstream" in " ".join(text.split())
    assert "Traceback" not in text
    assert versions(warehouse) == {}


def test_dirty_data_is_rejected_record_by_record(olist_with, tmp_path):
    injected = write_sample(tmp_path / "dirty", scale=0.02, dirty=True).injected
    settings = settings_in(tmp_path, tmp_path / "dirty")
    code, text = olist_with(settings)("materialize", "--select", "group:bronze,group:silver")
    assert code == SUCCESS, text
    assert "nothing_is_lost" not in text
    code, text = olist_with(settings)(
        "sql", "--format", "csv", 'SELECT "table", reason, count(*) FROM silver_rejects GROUP BY ALL'
    )
    assert code == SUCCESS, text
    rejected = {(table, reason): int(rows) for table, reason, rows in (line.split(",") for line in text.split()[1:])}
    assert rejected == injected


def test_ctrl_c_stops_the_run_and_leaves_complete_tables(settings, warehouse):
    command = [str(Path(sys.executable).with_name("olist")), "materialize", "--select", "group:bronze"]
    as_in_a_terminal = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    inherited = os.environ | environment(settings)
    with subprocess.Popen(command, env=inherited, preexec_fn=_with_ctrl_c, **as_in_a_terminal) as run:
        assert run.stdout is not None
        lines = []
        for line in run.stdout:
            lines.append(line)
            if sum("✓ bronze_" in line for line in lines) == 1 and "✓ bronze_" in line:
                run.send_signal(signal.SIGINT)
    assert run.returncode == INTERRUPTED, lines
    assert "Stopped. Finished tables stay" in lines[-1]
    assert "Traceback" not in "".join(lines)
    existing = versions(warehouse)
    assert set() < set(existing) < {name for name, table in warehouse.catalog.tables.items() if table.source}


def _with_ctrl_c() -> None:
    # A test run in the background inherits that SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
