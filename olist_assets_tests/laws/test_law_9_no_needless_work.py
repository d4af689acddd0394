"""Law 9: no needless work. No second scan for a count, no JVM where none is needed, nothing at import."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from olist_assets.catalog import catalog
from olist_assets.checks.kinds import checks_of
from olist_assets.checks.spec import CheckContext
from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.engine.choice import engine_of
from olist_assets.engine.io_manager import DeltaIOManager
from olist_assets.engine.resources import SchemaPolicy
from olist_assets.lakehouse.statistics import statistics
from olist_assets.silver.silver_orders import SILVER_ORDERS
from olist_assets_tests.laws.source_code import FILES, calls, room, tree
from olist_assets_tests.rows import store

LOG_CHECKS = {
    "schema_matches_contract", "row_count_is_positive", "required_columns_have_no_nulls", "row_count_is_usual",
    "null_rates_are_usual", "schema_matches_version_before",
}  # fmt: skip
SCANS = {"count", "collect", "toPandas", "isEmpty", "first", "head", "take", "cache", "persist"}
# The writer and the checks; the keys of the rows that moved to other days are few, and are collected on purpose.
# What is held is read several times, and a MERGE returns the numbers of its rows as a row.
ON_PURPOSE = {
    Path("engine/spark/engine.py"): {"persist"},
    Path("engine/spark/delta_writer.py"): {"collect"},
    # Each action on a batch of a stream would read it from Kafka again.
    Path("engine/spark/kafka_stream.py"): {"persist", "collect"},
}
WRITERS = [file for file in FILES if room(file) in ("engine", "checks")]


@pytest.fixture
def without_data_files(warehouse):
    """A table of three rows whose data files are gone: only its log can be read."""
    store(warehouse, SILVER_ORDERS, *({"order_id": name} for name in "abc"))
    delta = warehouse.open(SILVER_ORDERS.name)
    for file in warehouse.path(SILVER_ORDERS.name).rglob("*.parquet"):
        file.unlink()
    return delta


def test_counts_nulls_and_schema_are_checked_from_the_log_alone(warehouse, without_data_files):
    no_sql: Any = SimpleNamespace()
    delta = without_data_files
    context = CheckContext(warehouse, PUBLISHED, SILVER_ORDERS, statistics(delta), delta, no_sql)
    checks = [check for check in checks_of(SILVER_ORDERS, catalog().tables) if check.name in LOG_CHECKS]
    assert {check.name for check in checks} == LOG_CHECKS
    results = {check.name: check.evaluate(context) for check in checks}
    assert {name: passed for name, (passed, _) in results.items()} == dict.fromkeys(LOG_CHECKS, True)
    assert results["row_count_is_positive"][1] == {"rows": 3}


def test_the_metadata_of_a_write_come_from_the_log_alone(warehouse, settings, without_data_files):
    manager = DeltaIOManager(
        warehouse=warehouse, engine=engine_of(settings), schema_policy=SchemaPolicy(), calendar=PUBLISHED
    )
    metadata = manager._output_metadata(SILVER_ORDERS, without_data_files, 0.0)
    assert (metadata["dagster/row_count"], metadata["files"]) == (3, 1)


@pytest.mark.parametrize("name", catalog().business_tables)
def test_the_log_counts_the_rows_that_a_scan_counts(finished, name):
    delta = finished.warehouse.open(name)
    assert statistics(delta).rows == delta.to_pyarrow_dataset().count_rows() == finished.report.rows[name]


def scans(code: ast.AST) -> set[str]:
    """Calls on frames that scan them once more."""
    return {called for on, called in calls(code) if on not in (None, "F") and called in SCANS}


@pytest.mark.parametrize("file", WRITERS, ids=str)
def test_no_write_and_no_check_scans_a_frame_once_more(file):
    assert scans(tree(file)) == ON_PURPOSE.get(file, set())


def test_a_second_scan_is_found():
    assert scans(ast.parse("rows = frame.count()")) == {"count"}
    assert scans(ast.parse("frame.cache().write.save(path)")) == {"cache"}


# Imports the modules named as arguments, and prints what happened meanwhile.
IMPORT = """
import importlib, json, os, sys

folder, problems = os.environ["FORBIDDEN"], []

def listen(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "os.mkdir") and str(arguments[0]).startswith(folder):
        problems.append(f"{event} {arguments[0]}")
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec") and "java" in f"{arguments[:2]}":
        problems.append(f"{event} {arguments[1]}")

sys.addaudithook(listen)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        problems.append(f"{name}: {error!r}")
if "pyspark" in sys.modules:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession
    if SparkContext._gateway or SparkContext._active_spark_context or SparkSession.getActiveSession():
        problems.append("a Spark session")
import psutil
problems += [str(child) for child in psutil.Process().children(recursive=True)]
print(json.dumps({"problems": problems, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


def without_session(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a session over Connect leaves in it."""
    return {name: value for name, value in environment.items() if not name.startswith("SPARK_CONNECT")}


def imported(folder: Path, *modules: str) -> dict[str, list[str]]:
    """What a new process does and has loaded after it imported modules, with data and warehouse in a missing folder."""
    missing = str(folder / "missing")
    variables = {
        "FORBIDDEN": missing,
        "OLIST_DATA": f"{missing}/data",
        "OLIST_WAREHOUSE": f"{missing}/warehouse",
        "DAGSTER_HOME": f"{missing}/home",
        # Settings that are constructed raise an error.
        "OLIST_LOCK_TIMEOUT": "no number",
        "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *modules],
        env=without_session(os.environ) | variables, cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not Path(missing).exists()
    return json.loads(done.stdout.splitlines()[-1])


def module_name(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(["olist_assets", *(parts[:-1] if parts[-1] == "__init__" else parts)])


# A script that Streamlit executes: its statements are the dashboard.
SCRIPT = Path("dashboard/app.py")


def test_importing_every_module_reads_nothing_and_starts_nothing(tmp_path):
    modules = [module_name(file) for file in FILES if file != SCRIPT]
    assert imported(tmp_path, *modules)["problems"] == []


def test_work_at_import_is_found(tmp_path):
    (tmp_path / "working.py").write_text(
        "import os, subprocess\n"
        "from contextlib import suppress\n"
        "with suppress(OSError): open(os.environ['OLIST_DATA'])\n"
        "with suppress(OSError): subprocess.Popen(['no-such-java'])\n"
        "from olist_assets.settings import Settings\n"
        "Settings()\n"
    )
    read, started, raised = imported(tmp_path, "working")["problems"]
    assert "missing/data" in read
    assert "no-such-java" in started
    assert "lock_timeout" in raised


@pytest.mark.parametrize("module", ["olist_assets.catalog", "olist_assets.api"])
def test_the_catalog_and_the_notebook_api_load_neither_dagster_nor_pandas_nor_mlflow(tmp_path, module):
    loaded = set(imported(tmp_path, module)["modules"])
    assert "olist_assets" in loaded
    assert loaded & {"dagster", "dagster_shared", "pandas", "mlflow", "sklearn", "matplotlib", "streamlit"} == set()
