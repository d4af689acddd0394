"""The same graph over Spark Connect, models included: a client without a JVM, a server that stays."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from olist_assets.engine.spark.connect_server import server_command
from olist_assets.engine.spark.engine import SparkEngine
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Address, Settings
from olist_assets_tests.conftest import ONE_CORE, FinishedRun, environment, settings_in
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server

# gRPC asks each of them for a server on this machine, too, unless it is told otherwise.
PROXIES = ("grpc_proxy", "https_proxy", "http_proxy", "all_proxy")
OLIST = str(Path(sys.executable).with_name("olist"))


@pytest.fixture
def connected(finished: FinishedRun, tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse with all tables and no models, whose settings name a running server."""
    # Without MLflow's folder, so that models are trained as version 1.
    shutil.copytree(finished.warehouse.root, tmp_path / "warehouse", ignore=shutil.ignore_patterns("mlflow"))
    port = free_port()
    settings = settings_in(tmp_path, finished.data, spark_remote=f"sc://localhost:{port}")
    of_server = settings_in(tmp_path, finished.data, spark_conf=ONE_CORE)
    with server([OLIST, "spark-server", "--port", str(port)], port, tmp_path / "server.log", environment(of_server)):
        yield Warehouse(settings, finished.warehouse.catalog)


def olist(settings: Settings, *words: str) -> tuple[int, str]:
    # Without Java on the PATH: a client that needed it would fail.
    without_java = {"PATH": str(Path(sys.executable).parent), "JAVA_HOME": ""}
    env = os.environ | environment(settings) | without_java | dict.fromkeys(PROXIES, "http://127.0.0.1:9")
    done = subprocess.run([OLIST, *words], env=env, capture_output=True, text=True, check=False, timeout=500)
    return done.returncode, done.stdout + done.stderr


def assert_remade(connected: Warehouse, finished: FinishedRun, names: Iterable[str], *words: str) -> None:
    """Materialize over Connect; each table has a new version and the rows of the embedded run."""
    before = {name: connected.open(name).version() for name in names}
    code, printed = olist(connected.settings, "materialize", *words)
    assert code == 0, printed
    for name, version in before.items():
        assert connected.open(name).version() > version
        assert stored_rows(connected, name) == stored_rows(finished.warehouse, name), name


@pytest.mark.spark
@pytest.mark.timeout(600)
def test_tables_a_model_and_a_day_over_connect_equal_the_embedded_ones(connected, finished):
    tables = ("bronze_sellers", "gold_customer_segments_ml")
    model = ("segmentation_model", "segmentation_model_champion")
    assert_remade(connected, finished, tables, "--select", ",".join((*tables, *model)))
    assert_remade(connected, finished, connected.catalog.daily_tables, "--day", "2018-01-10")


@pytest.mark.cluster
@pytest.mark.timeout(3600)
def test_the_whole_graph_over_connect_equals_the_embedded_one(connected, finished):
    assert_remade(connected, finished, connected.catalog.business_tables, "--select", "*")


def test_a_missing_server_is_reported_at_once(settings):
    remote = settings.model_copy(update={"spark_remote": Address(f"sc://localhost:{free_port()}")})
    with pytest.raises(OlistError, match=r"No Spark Connect server answers at sc://localhost.*olist spark-server"):
        SparkEngine(remote).require()


def test_a_port_in_use_is_reported(tmp_path, settings):
    port = free_port()
    with (
        server([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)], port, tmp_path / "log"),
        pytest.raises(OlistError, match=f"Cannot listen on 127.0.0.1:{port}"),
    ):
        server_command(settings, port)
