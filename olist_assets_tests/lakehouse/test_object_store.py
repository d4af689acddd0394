"""A warehouse in S3, served here by moto: Spark writes it, the side without a JVM reads it, by one address."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest

from olist_assets.catalog import catalog
from olist_assets.lakehouse.object_store import allow_http, storage_options, store_config
from olist_assets.lakehouse.statistics import statistics
from olist_assets.lakehouse.time_travel import history
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun, environment, settings_in
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server

BIN = Path(sys.executable).parent
NAME = "silver_orders"
WRONG_USE = 2
# Credentials, region and endpoint are read from the environment, as AWS's own tools do.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


class Store(NamedTuple):
    """A warehouse in S3, with the settings and the AWS variables that reach it."""

    settings: Settings
    variables: dict[str, str]

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings, catalog())


def run_olist(store: Store, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`olist` as a process of its own."""
    env = os.environ | store.variables | environment(store.settings) | variables
    command = [str(BIN / "olist"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=500, env=env)


@pytest.fixture(scope="module")
def store(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A warehouse in which a run has made silver_orders and the tables that it needs."""
    folder, port = tmp_path_factory.mktemp("store"), free_port()
    place = {"warehouse": "s3://lake/a warehouse", "mlflow_tracking_uri": f"sqlite:///{folder / 'mlflow.db'}"}
    settings = settings_in(folder, finished.data).model_copy(update=place)
    found = Store(settings, CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.variables.items():
            patch.setenv(name, value)
        with server([str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder / "moto.log"):
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="lake")
            done = run_olist(found, "materialize", "--select", NAME, "--upstream", cwd=folder)
            assert done.returncode == 0, done.stdout + done.stderr
            yield found


def test_a_table_made_in_s3_equals_the_one_on_a_disk(store: Store, finished: FinishedRun):
    assert stored_rows(store.warehouse, NAME) == stored_rows(finished.warehouse, NAME)


@pytest.mark.cluster
@pytest.mark.timeout(3600)
def test_all_tables_and_models_made_in_s3_equal_those_on_a_disk(store: Store, finished: FinishedRun, tmp_path):
    for words in ([], ["--day", "2018-01-10"]):
        done = run_olist(store, "materialize", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        for name in store.warehouse.catalog.business_tables:
            assert stored_rows(store.warehouse, name) == stored_rows(finished.warehouse, name), name


def test_the_side_without_a_jvm_reads_s3(store: Store, tmp_path):
    done = run_olist(store, "sql", "--format", "json", "SELECT count(*) AS n FROM silver_orders", cwd=tmp_path)
    rows = statistics(store.warehouse.open(NAME)).rows
    assert json.loads(done.stdout) == [{"n": rows}]
    assert run_olist(store, "checks", "--select", NAME, cwd=tmp_path).returncode == 0
    assert history(store.warehouse, NAME, 10)[0].rows == rows


def test_the_days_of_the_orders_are_stored_in_s3(store: Store):
    assert (store.warehouse.root / "order_days.json").read_text() == '{"first": "2016-09-04", "last": "2018-10-17"}'


@pytest.mark.parametrize("words", [("materialize", "--select", "bronze_sellers"), ("sql", f"FROM {NAME}")])
def test_a_store_that_does_not_answer_is_one_message(store: Store, tmp_path, words):
    nobody = f"http://127.0.0.1:{free_port()}"
    done = run_olist(store, *words, cwd=tmp_path, AWS_ENDPOINT_URL=nobody)
    assert done.returncode == WRONG_USE
    text = " ".join(done.stderr.split())
    assert f'The warehouse cannot be reached: Could not connect to the endpoint URL: "{nobody}/lake' in text
    assert "Traceback" not in text


def test_a_store_that_cannot_be_written_names_the_warehouse_and_its_setting(store: Store):
    # In a process of its own: this one keeps its connection to the other endpoint.
    code = (
        "from olist_assets.catalog import catalog; from olist_assets.lakehouse.warehouse import Warehouse; "
        "from olist_assets.settings import Settings; Warehouse(Settings(), catalog()).require_writable()"
    )
    nobody = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    env = os.environ | store.variables | environment(store.settings) | nobody
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False, env=env
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "OlistError: Cannot write to the warehouse s3://lake/a warehouse: Could not connect" in last
    assert last.endswith("Set OLIST_WAREHOUSE.")


def test_models_need_a_place_for_mlflow_which_is_reported_before_the_first_write(store: Store, tmp_path):
    without = Store(store.settings.model_copy(update={"mlflow_tracking_uri": None}), store.variables)
    done = run_olist(without, "materialize", cwd=tmp_path)
    assert done.returncode == WRONG_USE
    assert "set MLFLOW_TRACKING_URI to a server or database" in " ".join(done.stderr.split())


@pytest.mark.parametrize("warehouse", ["gs://lake/warehouse", "s3://"])
def test_another_store_and_an_address_without_a_bucket_are_refused(monkeypatch, olist, warehouse):
    monkeypatch.setenv("OLIST_WAREHOUSE", warehouse)
    code, text = olist("tables")
    assert code == WRONG_USE
    assert "OLIST_WAREHOUSE" in text
    assert "s3://bucket/folder" in text


def test_options_come_from_the_environment_and_a_folder_has_none(monkeypatch, tmp_path):
    in_s3 = Settings(warehouse="s3://lake/x").warehouse_path
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert (storage_options(in_s3), allow_http()) == ({}, None)
    assert set(store_config()) == {"spark.hadoop.fs.s3.impl"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://store.example")
    assert storage_options(in_s3) == {"endpoint": "https://store.example"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.example")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    options = {"endpoint": "http://store.example", "region": "us-east-1", "allow_http": "true"}
    assert (storage_options(in_s3), storage_options(tmp_path)) == (options, {})
    assert store_config()["spark.hadoop.fs.s3a.endpoint"] == "http://store.example"
    assert store_config()["spark.hadoop.fs.s3a.endpoint.region"] == "us-east-1"
