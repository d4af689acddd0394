"""The Thrift server as a BI tool uses it: by JDBC, in a process of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from olist_assets.engine.spark.submit import spark_submit
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.loopback import HOST
from olist_assets.settings import Address
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.engine.thrift import thrift_server
from olist_assets_tests.rows import store
from olist_assets_tests.servers import free_port

TABLE = "gold_segment_profiles"
AGGREGATES = f"SELECT count(*), sum(revenue), max(segment) FROM {TABLE}"

pytestmark = pytest.mark.spark


@pytest.fixture
def served(finished: FinishedRun, warehouse: Warehouse) -> Warehouse:
    """A warehouse that has a copy of one table."""
    shutil.copytree(finished.warehouse.path(TABLE), warehouse.path(TABLE))
    return warehouse


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def server(served, port, tmp_path):
    """`olist thrift-server` in an empty working directory, once it prints its address, and the file of its password."""
    with thrift_server(served, port, tmp_path) as started:
        yield started


def group_lives(process):
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def group_ends(process, seconds=10.0):
    """Whether it ends in time: a child of Spark's start script is a zombie until the system has collected it."""
    deadline = time.monotonic() + seconds
    while group_lives(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not group_lives(process)


def beeline(port, password, home, *statements):
    """The output of beeline for these statements; rows are comma-separated."""
    words = [word for statement in statements for word in ("-e", statement)]
    options = ["--outputformat=csv2", "--silent=true", "--showHeader=false", "-n", "olist", "-w", str(password)]
    command = [str(spark_submit().with_name("beeline")), "-u", f"jdbc:hive2://{HOST}:{port}", *options, *words]
    # It keeps a history in the user's home; and it ends before the optimizing compiler would be worth its work.
    env = os.environ | {"JAVA_TOOL_OPTIONS": f"-Duser.home={home} -XX:TieredStopAtLevel=1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


def by_duckdb(warehouse):
    with warehouse.sql({TABLE: warehouse.open(TABLE)}) as con:
        return ",".join(map(str, con.execute(AGGREGATES).fetchall()[0]))


def test_jdbc_and_duckdb_read_the_same_also_after_a_write_and_ctrl_c_leaves_nothing(server, served, port, tmp_path):
    process, password = server
    before = by_duckdb(served)
    assert before in beeline(port, password, tmp_path, AGGREGATES)
    table = served.open(TABLE)
    table.delete("segment_kind = 'kmeans'")
    after = by_duckdb(served)
    assert after != before
    printed = beeline(port, password, tmp_path, AGGREGATES, f"DELETE FROM {TABLE}")
    assert after in printed
    assert "This server answers queries of its tables only; not allowed: DeleteFromTable" in printed
    assert served.open(TABLE).version() == table.version()
    os.killpg(process.pid, signal.SIGINT)
    assert (process.wait(timeout=60), process.stdout.read().splitlines()[-1]) == (0, "Stopped.")
    assert group_ends(process)
    assert [*(tmp_path / "cwd").iterdir(), *tmp_path.rglob("thrift-*")] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "There is no table in"),
        (("--select", TABLE), f"olist materialize --select {TABLE}"),
        (("--select", "nothing"), "'nothing' matches no table"),
        (("--port", "0"), "0 is not in the range"),
    ],
)
def test_there_must_be_tables_to_serve(olist, words, message):
    code, text = olist("thrift-server", *words)
    assert (code, message in " ".join(text.split())) == (2, True), text


def test_a_port_in_use_is_reported_before_spark_starts(olist, warehouse):
    store(warehouse, warehouse.catalog.table(TABLE), {})
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        code, text = olist("thrift-server", "--port", str(port))
    assert (code, f"Cannot listen on 127.0.0.1:{port}: Address already in use" in text) == (2, True), text


def test_a_remote_spark_cannot_be_served(olist_with, warehouse):
    store(warehouse, warehouse.catalog.table(TABLE), {})
    remote = warehouse.settings.model_copy(update={"spark_remote": Address("sc://127.0.0.1:15002")})
    code, text = olist_with(remote)("thrift-server")
    assert (code, "unset OLIST_SPARK_REMOTE" in text) == (2, True), text
