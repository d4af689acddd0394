"""A customer is erased completely even if the command is killed and repeated. Run by `make test-faults`."""

import os
import signal
import subprocess
import sys

import pytest

from olist_assets.contracts.source_values import ERASED
from olist_assets.governance import audit_log
from olist_assets.governance.traces import Traces
from olist_assets.lakehouse import delta_log
from olist_assets.lakehouse.sql import tables_named
from olist_assets.lakehouse.statistics import statistics
from olist_assets.operations.platform import Platform
from olist_assets.operations.proof import Sought, prove
from olist_assets_tests.copies import copy_of
from olist_assets_tests.faults.conftest import inherited

pytestmark = pytest.mark.faults
OLIST = [sys.executable, "-W", "ignore", "-c", "from olist_assets.cli.main import main; main()"]
SUCCESS, WRONG_USE = 0, 2
TOTALS = "SELECT sum(monetary_value), sum(frequency), count(*) FROM gold_customer_metrics"


@pytest.fixture
def copied(finished, tmp_path):
    return Platform(copy_of(finished, tmp_path, mask_salt="a secret of some length for tests"))


def rows(warehouse, query):
    named = tables_named(query, warehouse.catalog.tables)
    with warehouse.sql({name: warehouse.open(name) for name in named}) as con:
        return con.execute(query).fetchall()


def row_counts(warehouse):
    return {name: statistics(warehouse.open(name)).rows for name in warehouse.catalog.business_tables}


def hits(warehouse, *ids):
    with warehouse.sql() as con:
        return prove(con, warehouse.catalog, warehouse.root, Sought(Traces(frozenset(ids)))).hits


def test_command_that_was_killed_and_repeated_leaves_no_trace_of_the_customer(copied, olist_with):
    warehouse, olist = copied.warehouse, olist_with(copied.settings)
    ((person, order),) = rows(
        warehouse,
        "SELECT customer_unique_id, customer_id FROM bronze_customers JOIN bronze_orders USING (customer_id) "
        "JOIN bronze_order_reviews USING (order_id) WHERE review_comment_message IS NOT NULL ORDER BY 1 LIMIT 1",
    )
    before, totals = row_counts(warehouse), rows(warehouse, TOTALS)
    assert hits(warehouse, person)
    kill_after(copied.settings, ["forget", order], "Erased from bronze_customers")
    assert hits(warehouse, person)
    old = warehouse.root / "old_layer" / "customers.csv"
    old.parent.mkdir()
    old.write_text(person)
    code, text = olist("forget", person)
    assert code == WRONG_USE
    assert "1 hits: old_layer/customers.csv. Files that belong to no table" in text
    old.unlink()
    # The order's own id, from which the snapshots no longer lead to the customer.
    code, text = olist("forget", order)
    assert code == SUCCESS, text
    assert "decoded: 0 hits" in text
    assert hits(warehouse, person, order) == []
    after = row_counts(warehouse)
    may_differ = {"gold_geographic_metrics", "gold_ml_evaluation"}
    assert {name for name in before if before[name] != after[name]} <= may_differ
    assert rows(warehouse, TOTALS) == totals
    erased = f"SELECT customer_unique_id FROM gold_customer_metrics WHERE customer_city = '{ERASED}'"
    assert len(rows(warehouse, erased)) == 1
    assert len(delta_log.commits(warehouse.path("silver_orders"))) == 1
    (entry,) = audit_log.latest(warehouse, 1, {"action": "forget"})
    assert "0 hits" in entry["statement"]
    assert olist("checks")[0] == SUCCESS


def kill_after(settings, words, printed):
    """Start `olist` and kill it once it has printed a text."""
    running = subprocess.Popen(
        [*OLIST, *words], stdout=subprocess.PIPE, text=True, start_new_session=True, env=inherited(settings)
    )
    assert running.stdout is not None
    for line in running.stdout:
        if printed in line:
            os.killpg(running.pid, signal.SIGKILL)
            break
    else:
        pytest.fail(f"{words} ended without printing {printed!r}")
    running.wait()
    running.stdout.close()
