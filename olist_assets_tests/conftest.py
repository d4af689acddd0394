"""Fixtures: the one Spark session, a small sample, settings and a platform per test, and one complete run to read."""

import atexit
import json
import os
import pickle
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from filelock import FileLock
from pydantic import SecretStr
from pyspark.sql import SparkSession

from olist_assets.catalog import catalog
from olist_assets.cli import main as cli_main
from olist_assets.contracts.calendar import Days
from olist_assets.contracts.catalog import Catalog
from olist_assets.engine.choice import engine_name, engine_of
from olist_assets.errors import OlistError
from olist_assets.kafka.connection import Kafka
from olist_assets.kafka.topic import create
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.mlops.estimators.interface import Estimators
from olist_assets.mlops.flavours import estimators_of
from olist_assets.operations.platform import Platform
from olist_assets.operations.runs import Request, RunReport, materialize
from olist_assets.operations.selection import selected
from olist_assets.orchestration.instance import instance
from olist_assets.sample_data.generator import write_sample
from olist_assets.settings import Conf, Settings, variable
from olist_assets_tests.servers import free_port

if TYPE_CHECKING:
    from olist_assets.operations.broker import Broker

# The gate tries the same plans each time; the long profile draws new ones. A plan takes half a minute, so a failing one
# is shown as it is: shrinking it would take many more.
_as_found = {"report_multiple_bugs": False, "phases": (hypothesis.Phase.explicit, hypothesis.Phase.generate)}
hypothesis.settings.register_profile("gate", max_examples=2, derandomize=True, **_as_found)
hypothesis.settings.register_profile("long", max_examples=200, print_blob=True, **_as_found)
hypothesis.settings.load_profile("gate")

PROJECT = Path(__file__).resolve().parents[1]
# Read before the fixture below hides the user's settings from the tests.
REAL_DATA = Path(os.environ["OLIST_DATA"]).expanduser().resolve() if "OLIST_DATA" in os.environ else None
ENGINE = engine_name(Settings())
"""The one engine of this test process."""
KEPT = ("OLIST_CACHE", "OLIST_ENGINE")
needs_published_data = pytest.mark.skipif(
    REAL_DATA is None, reason="needs the published dataset: set OLIST_DATA to its folder or zip"
)
needs_gx = pytest.mark.skipif(find_spec("great_expectations") is None, reason="needs the extra gx: make test-gx")
# Spark interprets its expressions: for a thousand rows, generating and compiling code takes longer than it saves.
WITHOUT_CODE = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
# One core, as each of two processes has it, and one task where Spark would start several: of a thousand rows, a task
# costs more than its work, and VACUUM lists a table's few folders in as many tasks as its setting says. A JVM that
# lives for some minutes ends before the optimizing compiler is worth its work.
ONE_CORE = {
    "spark.master": "local[1]",
    "spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.default.parallelism": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
} | WITHOUT_CODE
Olist = Callable[..., tuple[object, str]]
"""Runs `olist` with these words; returns the exit code and everything that was printed."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all tests where the engine asked for cannot start."""
    try:
        engine_of(Settings()).require()
    except OlistError as error:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=str(error)))


def settings_of_the_user() -> list[str]:
    """The environment variables that tests do not see."""
    ours = ("OLIST_", "MLFLOW_", "OPENLINEAGE_", "DAGSTER_HOME")
    return [name for name in os.environ if name.startswith(ours) and name not in KEPT]


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings_of_the_user():
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """The session of the test process's one engine: Sail's, or embedded Spark's if OLIST_ENGINE says so."""
    return engine_of(Settings(spark_conf=Conf(ONE_CORE), driver_memory="1g")).session


@pytest.fixture(scope="session")
def estimators() -> Estimators:
    """The estimators of the test process's engine."""
    return estimators_of(Settings())


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the nine files, 994 orders."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, scale=0.01)
    return folder


@pytest.fixture(scope="session")
def dirty_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with broken records."""
    folder = tmp_path_factory.mktemp("dirty")
    write_sample(folder, scale=0.01, dirty=True)
    return folder


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Broker"]:
    """A Kafka without topics; each test has one of its own. Skipped without Java."""
    from olist_assets.engine.spark.java import java_version
    from olist_assets.operations.broker import running_broker

    try:
        java_version("Kafka")
    except OlistError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("broker") / "kafka"
    with running_broker(folder, free_port(), Settings().cache) as running:
        yield running


@pytest.fixture
def kafka(broker: "Broker", request: pytest.FixtureRequest) -> Kafka:
    """The broker with an empty topic of one partition, named after the test."""
    found = broker.kafka(re.sub(r"[^\w.-]", "_", request.node.name)[:249])
    create(found)
    return found


def settings_in(folder: Path, data: Path, **more: Any) -> Settings:
    """Settings with this data, and a warehouse and a Dagster home in `folder`."""
    home = folder / "home"
    if not home.exists():
        shutil.copytree(empty_storage(), home)
        write_config(home)
    return Settings(data=data, warehouse=str(folder / "warehouse"), dagster_home=home, **more)


@cache
def empty_storage() -> Path:
    """A Dagster home without runs, to be copied: Dagster takes a quarter of a second to create one."""
    home = Path(tempfile.mkdtemp()) / "home"
    atexit.register(shutil.rmtree, home.parent)
    home.mkdir()
    write_config(home)
    # Opening a storage exports its home.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with instance(Settings(warehouse=str(home.parent / "warehouse"), dagster_home=home)):
            return home


def write_config(home: Path) -> None:
    """The project's dagster.yaml, with its folders in this home."""
    config = (PROJECT / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(config.replace("base_dir: .dagster", f"base_dir: {home}"))


@pytest.fixture
def settings(tmp_path: Path, sample: Path) -> Settings:
    """An empty warehouse over the sample."""
    return settings_in(tmp_path, sample)


@pytest.fixture
def platform(settings: Settings) -> Platform:
    return Platform(settings)


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(settings, catalog())


@pytest.fixture(scope="session")
def tables() -> Catalog:
    """The catalog of all tables and models."""
    return catalog()


def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that give these settings to a process."""
    variables: dict[str, str] = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if value is not None:
            variables[variable(name)] = _as_text(value)
    return variables


def _as_text(value: Any) -> str:
    if isinstance(value, Conf):
        return json.dumps(value.get_secret_value())
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@pytest.fixture
def olist_with(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[Settings], Olist]:
    """`olist` in this process, for the given settings."""

    def with_settings(settings: Settings) -> Olist:
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)

        def run(*words: str) -> tuple[object, str]:
            monkeypatch.setattr(sys, "argv", ["olist", *words])
            capfd.readouterr()
            with pytest.raises(SystemExit) as done:
                cli_main.main()
            printed = capfd.readouterr()
            return done.value.code, printed.out + printed.err

        return run

    return with_settings


@pytest.fixture
def olist(olist_with: Callable[[Settings], Olist], settings: Settings) -> Olist:
    """`olist` in this process, for the test's `settings`."""
    return olist_with(settings)


def make(platform: Platform, selection: str, days: Days | None = None) -> RunReport:
    """Materialize a selection for a span of days, by default all."""
    request = Request(selected(platform, selection), days or platform.calendar.days)
    return materialize(platform, request, lambda *_: None)


class FinishedRun:
    """A complete run, and where it put its tables."""

    def __init__(self, folder: Path, data: Path, report: RunReport) -> None:
        self.folder, self.data, self.report = folder, data, report
        self.platform = Platform(settings_in(folder, data))
        self.settings, self.warehouse = self.platform.settings, self.platform.warehouse


def make_everything(folder: Path, data: Path) -> FinishedRun:
    """Make all tables from `data` in `folder`; needs the session's Spark."""
    return FinishedRun(folder, data, make(Platform(settings_in(folder, data)), "*"))


@pytest.fixture(scope="session")
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Everything made from the sample, once for all processes of a test run; tests only read it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "finished"
    data, stored_report = folder / "data", folder / "report.pickle"
    with FileLock(f"{folder}.lock"):
        if stored_report.exists():
            return FinishedRun(folder, data, pickle.loads(stored_report.read_bytes()))
        request.getfixturevalue("spark")
        shutil.copytree(request.getfixturevalue("sample"), data)
        finished = make_everything(folder, data)
        stored_report.write_bytes(pickle.dumps(finished.report))
        return finished
