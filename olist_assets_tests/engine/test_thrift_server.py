"""The Thrift server as a BI tool meets it: through JDBC, in a process of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from olist_assets.engine.spark.jars import spark_submit
from olist_assets.engine.spark.thrift_server import HOST
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets_tests.conftest import use
from olist_assets_tests.servers import free_port

TABLE = "gold_segment_profiles"
FIGURES = f"SELECT count(*), sum(revenue), max(segment) FROM {TABLE}"


@pytest.fixture
def warehouse(finished, monkeypatch, tmp_path):
    """Settings over a warehouse that has a copy of one table."""
    settings = use(monkeypatch, tmp_path, finished.data)
    shutil.copytree(lakehouse.table_path(finished.settings, TABLE), lakehouse.table_path(settings, TABLE))
    return settings


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def server(warehouse, port, tmp_path):
    """`olist thrift-server` in an empty working directory, once it says that it is ready."""
    (tmp_path / "cwd").mkdir()
    command = [str(Path(sys.executable).with_name("olist")), "thrift-server", "--port", str(port)]
    place = {"cwd": tmp_path / "cwd", "env": os.environ | {"TMPDIR": str(tmp_path)}, "start_new_session": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **place) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert f"1 table of {warehouse.warehouse_path} at jdbc:hive2://127.0.0.1:{port}" in line
            yield process
        finally:
            # It has a process group of its own, with Spark in it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def group_lives(process):
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def group_ends(process, seconds=10.0):
    """Whether it ends in time: what Spark's start script forked is a zombie until the system has collected it."""
    deadline = time.monotonic() + seconds
    while group_lives(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not group_lives(process)


def beeline(port, home, *statements):
    """What beeline says to statements; rows are comma-separated."""
    words = [word for statement in statements for word in ("-e", statement)]
    options = ["--outputformat=csv2", "--silent=true", "--showHeader=false"]
    command = [str(spark_submit().with_name("beeline")), "-u", f"jdbc:hive2://{HOST}:{port}", *options, *words]
    # It keeps a history in the user's home.
    env = os.environ | {"JAVA_TOOL_OPTIONS": f"-Duser.home={home}"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


def of_duckdb(settings):
    with lakehouse.connection({TABLE: lakehouse.open_table(settings, TABLE)}) as con:
        return ",".join(map(str, con.execute(FIGURES).fetchall()[0]))


def test_jdbc_reads_what_duckdb_reads_also_after_a_write_and_ctrl_c_leaves_nothing(server, warehouse, port, tmp_path):
    before = of_duckdb(warehouse)
    assert before in beeline(port, tmp_path, FIGURES)
    table = lakehouse.open_table(warehouse, TABLE)
    table.delete("segment_kind = 'kmeans'")
    after = of_duckdb(warehouse)
    assert after != before
    said = beeline(port, tmp_path, FIGURES, f"DELETE FROM {TABLE}")
    assert after in said
    assert "DELETE destination only supports Delta sources" in said
    assert lakehouse.open_table(warehouse, TABLE).version() == table.version()
    os.killpg(server.pid, signal.SIGINT)
    assert (server.wait(timeout=60), server.stdout.read().splitlines()[-1]) == (0, "Stopped.")
    assert group_ends(server)
    assert [*(tmp_path / "cwd").iterdir(), *tmp_path.glob("olist-thrift-*")] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "There is no table in"),
        (("--select", TABLE), f"olist materialize --select {TABLE}"),
        (("--select", "nothing"), "'nothing' matches no table"),
        (("--port", "0"), "0 is not in the range"),
    ],
)
def test_there_must_be_tables_to_serve(olist, settings, words, message):
    code, text = olist("thrift-server", *words)
    assert (code, message in " ".join(text.split())) == (2, True), text


def test_a_taken_port_is_said_before_spark_starts(olist, warehouse):
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        code, text = olist("thrift-server", "--port", str(port))
    assert (code, f"Cannot listen on 127.0.0.1:{port}: Address already in use" in text) == (2, True), text


def test_a_remote_spark_cannot_be_served(olist, warehouse, monkeypatch):
    monkeypatch.setenv("OLIST_SPARK_REMOTE", "sc://127.0.0.1:15002")
    code, text = olist("thrift-server")
    assert (code, "unset OLIST_SPARK_REMOTE" in text) == (2, True), text
