"""The same graph over Spark Connect, models included: a client without a JVM, a server that stays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from olist_assets.catalog import tables
from olist_assets.engine.spark.connect_server import server_command
from olist_assets.engine.spark.session import require_spark
from olist_assets.errors import OlistError
from olist_assets.jobs import DAILY_TABLES
from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.settings import Settings
from olist_assets_tests.conftest import use
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server

OLIST = str(Path(sys.executable).with_name("olist"))


@pytest.fixture
def connected(finished, monkeypatch, tmp_path):
    """Settings over a warehouse with all tables and no models, and a server for them."""
    # Without MLflow's folder, so that models are trained from nothing, as version 1.
    ignored = shutil.ignore_patterns("mlflow")
    shutil.copytree(finished.settings.warehouse_path, tmp_path / "warehouse", ignore=ignored)
    settings = use(monkeypatch, tmp_path, finished.data)
    port = free_port()
    with server(server_command(settings, port), port, tmp_path / "server.log"):
        monkeypatch.setenv("OLIST_SPARK_REMOTE", f"sc://127.0.0.1:{port}")
        yield Settings()


def olist(*words):
    # Without Java: what the client needs of it would fail.
    env = os.environ | {"PATH": str(Path(sys.executable).parent), "JAVA_HOME": ""}
    done = subprocess.run([OLIST, *words], env=env, capture_output=True, text=True, check=False, timeout=500)
    return done.returncode, done.stdout + done.stderr


def assert_made_anew(connected, finished, names, *words):
    before = {name: lakehouse.open_table(connected, name).version() for name in names}
    code, printed = olist("materialize", *words)
    assert code == 0, printed
    for name, version in before.items():
        assert lakehouse.open_table(connected, name).version() > version
        assert stored_rows(connected, name) == stored_rows(finished.settings, name), name


@pytest.mark.timeout(600)
def test_tables_a_model_and_a_day_over_connect_equal_the_embedded_ones(connected, finished):
    segments = ("bronze_sellers", "gold_customer_segments_ml")
    assert_made_anew(connected, finished, segments, "--select", ",".join(segments), "--upstream")
    assert_made_anew(connected, finished, DAILY_TABLES, "--day", "2018-01-10")


@pytest.mark.cluster
@pytest.mark.timeout(3600)
def test_the_whole_graph_over_connect_equals_the_embedded_one(connected, finished):
    assert_made_anew(connected, finished, tables(), "--select", "*")


def test_no_server_is_said_at_once(monkeypatch):
    monkeypatch.setenv("OLIST_SPARK_REMOTE", f"sc://127.0.0.1:{free_port()}")
    with pytest.raises(OlistError, match=r"No Spark Connect server answers at sc://127.*olist spark-server"):
        require_spark(Settings())


def test_a_taken_port_is_said(tmp_path, settings):
    port = free_port()
    with (
        server([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)], port, tmp_path / "log"),
        pytest.raises(OlistError, match=f"Cannot listen on 127.0.0.1:{port}"),
    ):
        server_command(settings, port)
