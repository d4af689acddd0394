"""Fixtures: the one Spark session, a small sample, a warehouse of its own a test, and one whole run to look at."""

import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock
from pyspark.sql import SparkSession

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.cli import main as cli
from olist_assets.contracts.table import Table
from olist_assets.engine.spark.session import spark_config
from olist_assets.operations.runs import Request, RunReport, materialize
from olist_assets.sample_data.generator import write_sample
from olist_assets.operations.selection import ALL_DAYS, Days, selected
from olist_assets.settings import Settings

# The gate tries the same plans each time; the long version draws new ones.
# A plan takes half a minute: the first failing one is shown as it is, for making it smaller would take many more.
_as_found = {"report_multiple_bugs": False, "phases": (hypothesis.Phase.explicit, hypothesis.Phase.generate)}
hypothesis.settings.register_profile("gate", max_examples=2, derandomize=True, **_as_found)
hypothesis.settings.register_profile("long", max_examples=200, print_blob=True, **_as_found)
hypothesis.settings.load_profile("gate")

PROJECT = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("OLIST_DATA", PROJECT.parent / "shared" / "olist" / "brazilian-ecommerce.zip"))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one session of the test run; the platform's own resource gets it too, as it is already there."""
    config = spark_config(Settings()) | {"spark.master": "local[1]", "spark.sql.shuffle.partitions": "1"}
    builder = SparkSession.Builder()
    for name, value in config.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OLIST_", "MLFLOW_", "OPENLINEAGE_")) and name != "OLIST_CACHE":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the nine files, 994 orders."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, scale=0.01)
    return folder


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, data: Path) -> Settings:
    """Settings in force: this data, and a warehouse and Dagster home in `folder`."""
    home = folder / "home"
    if not home.exists():
        home.mkdir(parents=True)
        config = (PROJECT / "dagster.yaml").read_text()
        (home / "dagster.yaml").write_text(config.replace("base_dir: .dagster", f"base_dir: {home}"))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("OLIST_DATA", str(data))
    monkeypatch.setenv("OLIST_WAREHOUSE", str(folder / "warehouse"))
    return Settings()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sample: Path) -> Settings:
    """An empty warehouse over the sample."""
    return use(monkeypatch, tmp_path, sample)


@pytest.fixture
def olist(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str]]:
    """Run `olist …` in this process; gives the exit code and all that was printed."""

    def run(*words: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["olist", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as done:
            cli.main()
        printed = capfd.readouterr()
        return done.value.code, printed.out + printed.err

    return run


def make(selection: str, days: Days = ALL_DAYS) -> RunReport:
    """Materialize a selection for a span of days."""
    return materialize(Request(selected(selection), days), lambda *_: None)


class FinishedRun:
    """A whole run, and where it put its tables."""

    def __init__(self, folder: Path, data: Path, report: RunReport) -> None:
        self.folder, self.data, self.report = folder, data, report
        with pytest.MonkeyPatch.context() as patch:
            self.settings = self.use(patch)

    def use(self, monkeypatch: pytest.MonkeyPatch) -> Settings:
        """Put its settings in force."""
        return use(monkeypatch, self.folder, self.data)


def make_everything(folder: Path, data: Path) -> FinishedRun:
    """Make all tables from `data` in `folder`; needs the session's Spark."""
    with pytest.MonkeyPatch.context() as patch:
        use(patch, folder, data)
        return FinishedRun(folder, data, make("*"))


@pytest.fixture(scope="session")
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Everything made from the sample, once for all processes of a test run; tests read it and leave it as it is."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "finished"
    data, told = folder / "data", folder / "report.pickle"
    with FileLock(f"{folder}.lock"):
        if told.exists():
            return FinishedRun(folder, data, pickle.loads(told.read_bytes()))
        request.getfixturevalue("spark")
        shutil.copytree(request.getfixturevalue("sample"), data)
        made = make_everything(folder, data)
        told.write_bytes(pickle.dumps(made.report))
        return made


def write_delta(spark: SparkSession, settings: Settings, table: Table, *rows: dict) -> None:
    """Put rows into a table's place without its asset: what a check must judge."""
    from olist_assets_tests.rows import frame

    path = lakehouse.table_path(settings, table.name)
    if not path.exists():
        spark.sql(f"CREATE TABLE delta.`{path}` ({table.ddl()}) USING DELTA")
    frame(spark, table, *rows).write.format("delta").mode("overwrite").save(str(path))
