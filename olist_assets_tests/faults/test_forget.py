"""A customer is forgotten for good: killed in the middle, the same command finishes it. `make test-faults`."""

import os
import signal
import subprocess
import sys

import pytest

from olist_assets.governance import audit_log
from olist_assets.lakehouse.warehouse import delta_log
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import tables
from olist_assets.governance.erasures import ERASED
from olist_assets.operations.proof import prove
from olist_assets_tests.conftest import use
from olist_assets_tests.governance.conftest import SECRET

pytestmark = pytest.mark.faults
OLIST = [sys.executable, "-W", "ignore", "-c", "from olist_assets.cli.main import main; main()"]
DONE = 0
MONEY = "SELECT sum(monetary_value), sum(frequency), count(*) FROM gold_customer_metrics"


@pytest.fixture
def warehouse(finished, monkeypatch, tmp_path):
    """Settings over a copy of the finished tables, in an environment that subprocesses inherit."""
    subprocess.run(["cp", "-a", str(finished.settings.warehouse_path), str(tmp_path / "warehouse")], check=True)
    monkeypatch.setenv("OLIST_MASK_SALT", SECRET)
    return use(monkeypatch, tmp_path, finished.data)


def scalar(settings, query):
    opened = {name: lakehouse.open_table(settings, name) for name in lakehouse.mentioned(query, tables())}
    with lakehouse.connection(opened) as con:
        return con.execute(query).fetchall()


def test_killed_in_the_middle_and_run_again_nobody_is_left(olist, warehouse):
    ((person, order),) = scalar(
        warehouse,
        "SELECT customer_unique_id, customer_id FROM bronze_customers JOIN bronze_orders USING (customer_id) "
        "JOIN bronze_order_reviews USING (order_id) WHERE review_comment_message IS NOT NULL ORDER BY 1 LIMIT 1",
    )
    before = {name: lakehouse.statistics(lakehouse.open_table(warehouse, name))["rows"] for name in tables()}
    money = scalar(warehouse, MONEY)
    assert prove(warehouse.warehouse_path, [person]).hits
    running = subprocess.Popen([*OLIST, "forget", order], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert running.stdout is not None
    for line in running.stdout:
        if "Erased from bronze_orders" in line:
            os.killpg(running.pid, signal.SIGKILL)
            break
    running.wait()
    running.stdout.close()
    assert prove(warehouse.warehouse_path, [person]).hits
    # Named by the order's own id, which the snapshots no longer lead from.
    code, text = olist("forget", order)
    assert code == DONE, text
    assert "decoded: 0 hits" in text
    assert prove(warehouse.warehouse_path, [person, order]).hits == ()
    after = {name: lakehouse.statistics(lakehouse.open_table(warehouse, name))["rows"] for name in tables()}
    places = "gold_geographic_metrics"
    assert {name for name in before if before[name] != after[name]} <= {places, "gold_ml_evaluation"}
    assert scalar(warehouse, MONEY) == money
    theirs = scalar(warehouse, f"SELECT customer_unique_id FROM gold_customer_metrics WHERE customer_city = '{ERASED}'")
    assert len(theirs) == 1
    assert len(delta_log.commits(lakehouse.table_path(warehouse, "silver_orders"))) == 1
    (entry,) = audit_log.latest(warehouse, 1, {"action": "forget"})
    assert "0 hits" in entry["statement"]
    assert olist("checks")[0] == DONE
