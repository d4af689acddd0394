"""A warehouse in S3, served here by moto: Spark writes it, the JVM-free side reads it, by one address."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.lakehouse.warehouse import time_travel
from olist_assets.catalog import tables
from olist_assets.settings import Settings
from olist_assets_tests.conftest import use
from olist_assets_tests.rows import stored_rows
from olist_assets_tests.servers import free_port, server

BIN = Path(sys.executable).parent
NAME = "silver_orders"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def store(finished, tmp_path_factory):
    """Settings over a warehouse in S3, in which a run has made the tables that are read here."""
    folder, port = tmp_path_factory.mktemp("store"), free_port()
    with pytest.MonkeyPatch.context() as patch:
        use(patch, folder, finished.data)
        place = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "OLIST_WAREHOUSE": "s3://lake/a warehouse"}
        place |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
        for name, value in (CREDENTIALS | place).items():
            patch.setenv(name, value)
        with server([str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder / "moto.log"):
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="lake")
            done = run_olist("materialize", "--select", NAME, "--upstream", cwd=folder)
            assert done.returncode == 0, done.stdout + done.stderr
            yield dict(os.environ)


@pytest.fixture(autouse=True)
def settings_in_s3(store, monkeypatch):
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    return Settings()


def run_olist(*words, cwd):
    command = [str(BIN / "olist"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=500)


def test_a_table_made_in_s3_equals_the_one_on_a_disk(settings_in_s3, finished):
    assert stored_rows(settings_in_s3, NAME) == stored_rows(finished.settings, NAME)


@pytest.mark.cluster
@pytest.mark.timeout(3600)
def test_all_tables_and_models_made_in_s3_equal_those_on_a_disk(settings_in_s3, finished, tmp_path):
    for words in ([], ["--day", "2018-01-10"]):
        done = run_olist("materialize", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        for name in tables():
            assert stored_rows(settings_in_s3, name) == stored_rows(finished.settings, name), name


def test_the_side_without_a_jvm_reads_s3(settings_in_s3, tmp_path):
    done = run_olist("sql", "--format", "json", "SELECT count(*) AS n FROM silver_orders", cwd=tmp_path)
    rows = lakehouse.statistics(lakehouse.open_table(settings_in_s3, NAME))["rows"]
    assert json.loads(done.stdout) == [{"n": rows}]
    assert run_olist("checks", "--select", NAME, cwd=tmp_path).returncode == 0
    newest, created = time_travel.history(settings_in_s3, NAME, 10)
    assert (newest.rows, created.operation) == (rows, "CREATE TABLE")


def test_a_store_that_does_not_answer_is_one_message(settings_in_s3, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    done = run_olist("materialize", "--select", "bronze_sellers", cwd=tmp_path)
    assert done.returncode == 2
    assert "Cannot write to the warehouse s3://lake/a warehouse" in " ".join(done.stderr.split())
    done = run_olist("sql", f"FROM {NAME}", cwd=tmp_path)
    assert done.returncode == 2
    assert "The warehouse cannot be reached: Could not connect" in " ".join(done.stderr.split())


def test_models_need_a_place_for_mlflow_which_is_said_before_the_first_write(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    done = run_olist("materialize", cwd=tmp_path)
    assert done.returncode == 2
    assert "MLFLOW_TRACKING_URI names a server or database" in " ".join(done.stderr.split())


@pytest.mark.parametrize("warehouse", ["gs://lake/warehouse", "s3://"])
def test_another_store_and_none_are_refused(monkeypatch, olist, warehouse):
    monkeypatch.setenv("OLIST_WAREHOUSE", warehouse)
    code, text = olist("tables")
    assert code == 2
    assert "OLIST_WAREHOUSE" in text
    assert "s3://bucket/folder" in text
