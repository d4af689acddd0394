"""Law 2: an asset function takes frames and returns a frame, without I/O, count, collect, session or context."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from olist_assets.catalog import catalog
from olist_assets.contracts.catalog import is_config, is_resource, resource_parameters
from olist_assets.lakehouse.history_table import Row
from olist_assets.mlops.promotion import Comparison
from olist_assets.mlops.registry import Champion, Trained
from olist_assets_tests.laws.source_code import FILES, calls, imported_modules, names, room, tree

CATALOG = catalog()
RESOURCES = {
    **{name: ["source"] for name, table in CATALOG.tables.items() if table.source},
    "gold_daily_metrics": ["calendar"],
    # Its rows come from MLflow, so it is the one table that needs a session.
    "gold_ml_evaluation": ["warehouse", "engine"],
    # An evaluation of forecasts is an MLflow run too.
    "gold_forecast_evaluation": ["mlflow"],
    # An evaluation has an MLflow run.
    "gold_recommender_evaluation": ["mlflow"],
    # A training has an MLflow run, and a promotion changes the registry.
    **{name: ["mlflow"] for name in CATALOG.models},
    **{name: ["warehouse"] for name in CATALOG.promotions},
    # An evaluation has an MLflow run as well.
    "gold_price_elasticities": ["mlflow"],
    # Monitoring reads logs and stored tables, not frames.
    "monitoring_durations": ["warehouse", "runs"],
    "monitoring_incidents": ["warehouse", "events"],
    "monitoring_profiles": ["warehouse"],
    "monitoring_tables": ["warehouse"],
    # These two are written by the stream, batch by batch.
    "bronze_order_events": ["stream"],
    "monitoring_stream": ["stream"],
}
# A training fits, measures and keeps its rows in memory meanwhile; for gold_ml_evaluation see above.
RUNS_JOBS = {*CATALOG.models, "champions", "gold_ml_evaluation"}
TABLE_FILES = [
    file for file in FILES if room(file) in ("bronze", "silver", "gold", "ml") and file.stem not in RUNS_JOBS
]
# As a call on a frame each of these runs a job; `count` and `first` of `F` are aggregates.
ACTIONS = {
    "collect", "count", "first", "head", "take", "tail", "show", "isEmpty", "toPandas", "toArrow", "toLocalIterator",
    "foreach", "foreachPartition", "cache", "persist", "checkpoint", "localCheckpoint", "sql", "createDataFrame",
}  # fmt: skip
NOT_IN_A_TABLE = {"write", "writeTo", "writeStream", "readStream", "spark", "session", "sparkSession", "context"}
IO_MODULES = {"os", "pathlib", "io", "shutil", "duckdb", "deltalake", "requests", "subprocess", "dagster"}


def return_type(name: str) -> object:
    if name in CATALOG.models:
        return Trained
    if name in CATALOG.promotions:
        return Comparison
    table = CATALOG.tables[name]
    if table.is_appended:
        return None
    return list[Row] if table.is_history or table.is_derived else rows_of(CATALOG.functions[name])


def rows_of(function: Callable[..., object]) -> type:
    """The kind of rows that a function takes, and so returns: a frame of the engine, or an Arrow table."""
    annotations = [parameter.annotation for parameter in inspect.signature(function).parameters.values()]
    return pa.Table if pa.Table in annotations else DataFrame


@pytest.mark.parametrize("name", CATALOG.functions)
def test_a_function_takes_frames_champions_resources_and_configuration_and_returns_what_its_contract_says(name):
    function = CATALOG.functions[name]
    signature = inspect.signature(function)
    assert resource_parameters(function) == RESOURCES.get(name, [])
    for parameter in signature.parameters.values():
        if not (is_resource(parameter) or is_config(parameter)):
            expected = Champion if parameter.name in CATALOG.promotions else rows_of(function)
            assert parameter.annotation is expected, f"{name}({parameter})"
            assert parameter.name in {*CATALOG.tables, *CATALOG.promotions}, f"{name} reads {parameter.name}"
    assert signature.return_annotation == return_type(name)


def what_a_table_must_not_do(code: ast.AST) -> set[str]:
    """Actions on frames, I/O, sessions and contexts in the code of a table."""
    actions = {called for on, called in calls(code) if on not in (None, "F") and called in ACTIONS}
    reading = {called for on, called in calls(code) if called in ("open", "read") and on != "source"}
    arguments = {node.arg for node in ast.walk(code) if isinstance(node, ast.arg)}
    modules = {module.split(".")[0] for module in imported_modules(code)}
    return actions | reading | ((names(code) | arguments) & NOT_IN_A_TABLE) | (modules & IO_MODULES)


@pytest.mark.parametrize("file", TABLE_FILES, ids=str)
def test_a_module_of_a_table_does_no_io_runs_no_job_and_knows_no_session(file):
    assert what_a_table_must_not_do(tree(file)) == set()


def test_every_table_from_the_source_is_judged():
    judged = {file.stem for file in TABLE_FILES}
    assert {f.__module__.rsplit(".", 1)[1] for n, f in CATALOG.functions.items() if n in CATALOG.business_tables} - {
        "gold_ml_evaluation"
    } <= judged
    assert Path("gold/measures.py") in TABLE_FILES


@pytest.mark.parametrize(
    "violation",
    [
        "orders.count()",
        "orders.where(late).collect()",
        "orders.cache()",
        "orders.sparkSession.createDataFrame(rows)",
        "spark.read.table(name)",
        "orders.write.save(path)",
        "def gold(context, orders): ...",
        "open(path)",
        "import duckdb",
        "def late():\n    from pathlib import Path",
    ],
)
def test_each_kind_of_violation_is_found(violation):
    assert what_a_table_must_not_do(ast.parse(violation))


def test_aggregates_and_the_source_are_allowed():
    assert what_a_table_must_not_do(ast.parse("o.agg(F.count('*'), F.first('x')); source.read(SOURCES[s])")) == set()
