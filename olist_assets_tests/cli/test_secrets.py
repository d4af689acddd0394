"""Secrets of the settings: no command prints them, no error quotes them, and no process has them in its arguments."""

import json
import os
import stat
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from openlineage.client.git import get_git_repo_url

from olist_assets.alerts.description import describe
from olist_assets.catalog import catalog
from olist_assets.engine.spark import config as spark_settings
from olist_assets.engine.spark import connect_server
from olist_assets.engine.spark.engine import SparkEngine
from olist_assets.engine.spark.submit import SUBMIT_ARGUMENTS, conf_arguments, without_secrets
from olist_assets.errors import OlistError
from olist_assets.lineage.receiver import receiver
from olist_assets.mlops import registry
from olist_assets.mlops.places import credentials, tracking_uri
from olist_assets.mlops.registry import client
from olist_assets.mlops.tracking import run_url
from olist_assets.monitoring.incidents import Event, Incidents
from olist_assets.orchestration.dagster_storage import run_link
from olist_assets.orchestration.order_changes import reload_code_location
from olist_assets.settings import Address, Conf, Settings
from olist_assets_tests.conftest import PROJECT, environment
from olist_assets_tests.servers import answers, free_port, wait_until

SECRET = "hunter2"
PASSWORD = f"http://user:{SECRET}@127.0.0.1:9"
ODD = "=a:b#c!d\\e\tf\ng\u00e9"
VARIABLES = {
    "OLIST_SPARK_REMOTE": f"sc://127.0.0.1:9/;token={SECRET}",
    "OLIST_SPARK_CONF": json.dumps({"spark.hadoop.fs.s3a.secret.key": SECRET, "spark.x": "y"}),
    "MLFLOW_TRACKING_URI": PASSWORD,
    "OLIST_MLFLOW_ARTIFACTS": f"s3://key:{SECRET}@bucket/models",
    "OLIST_DAGSTER_URL": PASSWORD,
    "OLIST_ALERT_SMTP_PASSWORD": SECRET,
    "OLIST_ALERT_WEBHOOK": f"https://hooks.example/{SECRET}",
    "OLIST_MASK_SALT": SECRET * 3,
}
INVALID = {
    "OLIST_SPARK_CONF": f'{{"spark.ssl.keyPassword": "{SECRET}"',
    "OLIST_WAREHOUSE": f"s3://key:{SECRET}@bucket/folder",
    "OLIST_DAYS": f"http://user:{SECRET}@host",
}


@pytest.fixture
def all_secrets(monkeypatch: pytest.MonkeyPatch, warehouse) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "words",
    [["doctor"], ["mlflow"], ["tables"], ["materialize", "--select", "churn_model"], ["alerts", "--test"],
     ["predict", "--input", "x.csv", "--output", "y.csv"]],
    ids=" ".join,
)  # fmt: skip
def test_no_command_prints_a_secret(olist, all_secrets, words):
    _, text = olist(*words)
    assert text
    assert SECRET not in text


def test_doctor_prints_the_settings_without_their_secrets(olist, all_secrets):
    _, text = olist("doctor")
    for shown in ("sc://127.0.0.1:9/;token=***", "http://***@127.0.0.1:9", '"spark.x": "y"', "s3://***@bucket/models"):
        assert shown in text


@pytest.mark.parametrize("name", INVALID)
def test_a_setting_that_cannot_be_read_is_named_without_its_secret(olist, monkeypatch, name):
    monkeypatch.setenv(name, INVALID[name])
    code, text = olist("tables")
    assert (code, text.startswith(f"Error: {name}: ")) == (2, True)
    assert SECRET not in text
    with pytest.raises(ValueError, match="validation error") as raised:
        Settings()
    assert SECRET not in str(raised.value)


def test_links_have_no_credentials(settings):
    secret = settings.model_copy(update={"dagster_url": Address(PASSWORD), "mlflow_tracking_uri": Address(PASSWORD)})
    now = datetime.now(UTC)
    failure = Event("failed run", "run:nightly:", "nightly", "killed", now, 1, run_id="r")
    (failed_run,) = Incidents([], catalog()).add([failure])
    assert run_link(secret, "r") == "http://127.0.0.1:9/runs/r"
    assert run_url(secret, "1", "r") == "http://127.0.0.1:9/#/experiments/1/runs/r"
    assert describe(secret, failed_run, "failed run").link == "http://127.0.0.1:9/runs/r"
    assert SECRET not in str(reload_code_location(PASSWORD, "olist"))


def test_mlflow_gets_the_credentials_of_a_server_by_its_own_variables(settings, monkeypatch):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    secret = settings.model_copy(update={"mlflow_tracking_uri": Address("http://user:a%40hunter2@127.0.0.1:9")})
    assert tracking_uri(secret) == "http://127.0.0.1:9"
    assert credentials(secret) == {"MLFLOW_TRACKING_USERNAME": "user", "MLFLOW_TRACKING_PASSWORD": "a@hunter2"}
    with pytest.raises(OlistError, match=r"MLflow at http://127.0.0.1:9 cannot be used") as raised:
        client(secret)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "a@hunter2"


def test_error_about_a_database_does_not_have_its_password(settings):
    secret = settings.model_copy(update={"mlflow_tracking_uri": Address("nosuchdb://user:hunter2@h/db")})
    with pytest.raises(OlistError, match=r"MLflow at nosuchdb://\*\*\*@h/db cannot be used") as raised:
        client(secret)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("remote", [VARIABLES["OLIST_SPARK_REMOTE"], f"sc://user:{SECRET}", f"sc://h:{SECRET}/"])
def test_error_about_spark_connect_does_not_have_its_token(settings, remote):
    engine = SparkEngine(settings.model_copy(update={"spark_remote": Address(remote)}))
    with pytest.raises(OlistError, match="No Spark Connect server answers at sc://") as raised:
        engine.require()
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_lineage_has_the_repository_without_its_token(monkeypatch, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\nurl = https://x:{SECRET}@git.example/olist.git\n')
    monkeypatch.chdir(tmp_path)
    assert SECRET in str(get_git_repo_url())
    with receiver("") as client:
        place = client._source_code_location
    assert place
    assert place["url"] == "https://git.example/olist.git"


def test_sparks_settings_are_in_a_file_that_this_user_alone_can_read():
    option, path, _ = conf_arguments({"spark.secret": SECRET})
    assert option == "--properties-file"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert SECRET in Path(path).read_text()


def test_secret_settings_of_a_session_are_in_a_file_and_the_others_are_not(monkeypatch):
    monkeypatch.delenv(SUBMIT_ARGUMENTS, raising=False)
    config = {"spark.x.password": SECRET, "spark.hadoop.fs.s3a.endpoint": PASSWORD, "spark.sql.x": "1"}
    assert without_secrets(config) == {"spark.sql.x": "1"}
    assert os.environ[SUBMIT_ARGUMENTS].endswith(" --load-spark-defaults pyspark-shell")
    assert SECRET not in os.environ[SUBMIT_ARGUMENTS]


def test_spark_server_does_not_have_a_secret_in_its_arguments(settings, monkeypatch):
    monkeypatch.setattr(spark_settings, "fetched_jars", lambda _: [])
    monkeypatch.setattr(spark_settings, "java_version", lambda: "17")
    monkeypatch.setattr(spark_settings, "make_archive", lambda *_: None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    secret = settings.model_copy(update={"spark_conf": Conf({"spark.x.password": SECRET})})
    assert SECRET not in " ".join(connect_server.server_command(secret, free_port()))


def test_mlflows_ui_gets_its_database_by_the_environment(olist, monkeypatch):
    commands = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://user:{SECRET}@host/db")
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "")
    monkeypatch.setattr(registry, "client", lambda _: None)
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    _, text = olist("mlflow", "--port", str(free_port()))
    assert os.environ["MLFLOW_BACKEND_STORE_URI"] == f"postgresql://user:{SECRET}@host/db"
    assert SECRET not in f"{commands} {text}"
    assert len(commands) == 1


@pytest.mark.automation
def test_no_process_of_mlflows_ui_has_a_password_in_its_arguments(settings, tmp_path):
    port, address = free_port(), f"sqlite:///{tmp_path}/mlflow.db?password={SECRET}"
    variables = os.environ | environment(settings) | {"MLFLOW_TRACKING_URI": address}
    words = [sys.executable, "-c", "from olist_assets.cli.main import main; main()", "mlflow", "--port", str(port)]
    job = subprocess.Popen(words, env=variables, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = psutil.Process(job.pid)
    try:
        wait_until(lambda: answers(port), "MLflow answers")
        processes = [process, *process.children(recursive=True)]
        assert "mlflow" in process.cmdline()
        assert not any(SECRET in word for one in processes for word in one.cmdline())
    finally:
        for one in (*process.children(recursive=True), process):
            one.kill()
        job.wait()


@pytest.mark.spark
def test_sparks_jvm_gets_a_secret_and_does_not_have_it_in_its_arguments(settings):
    code = (
        "import psutil; from olist_assets.settings import Settings;"
        "from olist_assets.engine.spark.engine import SparkEngine; session = SparkEngine(Settings()).session;"
        "children = [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE];"
        "words = [word for one in children for word in one.cmdline()];"
        f"assert 'pyspark-shell' in words and not any({SECRET!r} in word for word in words), words;"
        "get = session.sparkContext.getConf().get;"
        "print(repr((get('spark.x.password'), get('spark.x'), get('spark.x.token'))))"
    )
    conf = {"spark.x.password": SECRET, "spark.x": "plain", "spark.x.token": ODD, "spark.master": "local[1]"}
    variables = environment(settings) | {"OLIST_ENGINE": "spark", "OLIST_SPARK_CONF": json.dumps(conf)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == repr((SECRET, "plain", ODD))
