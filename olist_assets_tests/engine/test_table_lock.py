"""One writer per table: the IO manager holds the table's lock while it writes, and a dead process holds nothing."""

import os
import subprocess
import sys

import pytest

from olist_assets.errors import OlistError
from olist_assets.lakehouse.locks import lock
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.engine.writing import FIELDS, io_manager, orders, span, stored_orders

HOLD = """
import sys, time
from pathlib import Path
from olist_assets.lakehouse.locks import lock
path = Path(sys.argv[1])
with lock(path, path.parent, 5, "a test"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def impatient(warehouse: Warehouse) -> Warehouse:
    """The warehouse of a run that waits a fifth of a second for a lock."""
    return Warehouse(warehouse.settings.model_copy(update={"lock_timeout": 0.2}), warehouse.catalog)


def test_a_second_writer_gets_the_name_of_the_holder_and_a_dead_process_holds_nothing(tmp_path):
    path = tmp_path / "silver" / "silver_orders"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        named = rf"silver_orders is being written by process {holder.pid} on .* \(a test\) since .*; gave up after 0.2"
        with pytest.raises(OlistError, match=named), lock(path, path.parent, 0.2, "another"):
            pass
        holder.kill()
    with lock(path, path.parent, 5, "another"):
        assert str(os.getpid()) in (path.parent / ".silver_orders.holder").read_text()


def test_a_run_does_not_write_a_table_that_another_process_holds(spark, impatient):
    manager, rows = io_manager(impatient), orders(spark, ("a", "2018-01-01"))
    with (
        impatient.lock(impatient.path(SILVER_ORDERS.name), "maintenance"),
        pytest.raises(OlistError, match=r"silver_orders is being written by process .*\(maintenance\)"),
    ):
        manager.store(rows, SILVER_ORDERS, span("2018-01-01"), FIELDS)
    assert impatient.existing_tables([SILVER_ORDERS.name]) == {}
    manager.store(rows, SILVER_ORDERS, span("2018-01-01"), FIELDS)
    assert stored_orders(impatient) == {("a", "2018-01-01")}


def test_while_a_run_writes_it_holds_the_table_in_its_name(spark, engine, impatient, monkeypatch):
    refused = []

    def write(*_):
        with (
            pytest.raises(OlistError, match=rf"process {os.getpid()} .*\(run a-run\)") as caught,
            impatient.lock(impatient.path(SILVER_ORDERS.name), "another"),
        ):
            pass
        refused.append(caught.value)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(engine), "write", write)
    with pytest.raises(KeyboardInterrupt):
        io_manager(impatient).store(orders(spark, ("a", "2018-01-01")), SILVER_ORDERS, span("2018-01-01"), FIELDS)
    assert refused
    with impatient.lock(impatient.path(SILVER_ORDERS.name), "another"):
        pass
