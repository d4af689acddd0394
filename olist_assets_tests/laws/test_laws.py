"""The laws of the platform that hold for every table, present and future."""

import ast
import inspect
import shutil
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import DataFrame

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.catalog import assets, models, modules, table, tables
from olist_assets.mlops.registry import Champion, Trained
from olist_assets.engine.spark.session import Spark
from olist_assets.mlops.tracking import Mlflow
from olist_assets_tests.conftest import make, use
from olist_assets_tests.rows import stored_rows

PACKAGE = Path(__file__).resolve().parents[2] / "olist_assets"
TRANSFORMS = [made for made in assets() if not made.key.to_user_string().startswith("bronze_")]
names = pytest.mark.parametrize("made", TRANSFORMS, ids=lambda made: made.key.to_user_string())


def function_of(made: dg.AssetsDefinition):
    return made.node_def.compute_fn.decorated_fn  # pyright: ignore[reportAttributeAccessIssue]


@names
def test_law_1_key_table_function_module_and_folder_are_one_name(made, settings):
    name, function = made.key.to_user_string(), function_of(made)
    assert made.key.path == [name]
    assert (function.__name__, function.__module__.rsplit(".", 1)[1]) == (name, name)
    if name in models():
        assert made.group_names_by_key[made.key] == "ml"
        return
    assert made.group_names_by_key[made.key] == table(name).layer
    assert lakehouse.table_path(settings, name).relative_to(settings.warehouse_path) == Path(table(name).layer, name)


@names
def test_law_2_an_asset_takes_frames_named_as_their_tables_and_returns_a_frame(made):
    signature, name = inspect.signature(function_of(made)), made.key.to_user_string()
    given = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
    read = {parameter for parameter, kind in given.items() if kind in (DataFrame, Champion)}
    others = [kind for kind in given.values() if kind not in (DataFrame, Champion)]
    if name in models():
        # A training has an MLflow run of its own, which knows the Dagster run.
        assert read == {key.to_user_string() for key in made.dependency_keys}
        context, config, tracking = others
        assert (context, issubclass(config, dg.Config), tracking) == (dg.AssetExecutionContext, True, Mlflow)
        assert signature.return_annotation is Trained
        return
    # gold_ml_evaluation's rows come from MLflow, so it needs the session.
    assert read == ({key.to_user_string() for key in made.dependency_keys} if name != "gold_ml_evaluation" else set())
    assert all(issubclass(kind, dg.Config | Spark) for kind in others)
    assert signature.return_annotation is DataFrame


def attributes_of(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


LAYER_FILES = [
    path
    for path in (Path(str(inspect.getfile(module))) for module in modules())  # pyright: ignore[reportArgumentType]
    # A training fits, measures and keeps its rows in memory meanwhile: it is a run, not a plan.
    if path.stem not in {*models(), "evaluation", "layout"}
]


@pytest.mark.parametrize("path", LAYER_FILES, ids=lambda path: path.stem)
def test_law_2_and_9_no_table_module_reads_counts_collects_or_caches(path):
    # `count` and `first` as aggregates are functions of F; as methods of a frame they would run a job.
    calls = [
        n
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    ]
    on_frames = {
        call.func.attr
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and not (isinstance(call.func.value, ast.Name) and call.func.value.id == "F")
    }
    assert not on_frames & {"collect", "toPandas", "count", "first", "head", "take", "cache", "persist", "write", "sql"}
    assert "context" not in {
        arg.arg for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.arguments) for arg in n.args
    }


# The Thrift server is a part of an embedded Spark: nothing of the graph, and nothing that Connect could offer.
FREE_OF_LAW_3 = PACKAGE / "thrift_server.py"


@pytest.mark.parametrize("path", sorted({*PACKAGE.rglob("*.py")} - {FREE_OF_LAW_3}), ids=lambda path: path.stem)
def test_law_3_nothing_that_spark_connect_lacks(path):
    banned = {"sparkContext", "rdd", "_jvm", "_jdf", "_sc", "udf", "pandas_udf", "_jsparkSession"}
    assert not attributes_of(path) & banned


@pytest.mark.parametrize("name", tables())
def test_law_4_the_stored_table_is_the_contract(finished, name):
    contract = table(name)
    fields = lakehouse.open_table(finished.settings, name).schema().fields
    assert [(f.name, f.nullable, f.metadata.get("comment")) for f in fields] == [
        (c.name, c.nullable, c.description) for c in contract.columns
    ]


def test_law_5_and_7_a_second_run_with_other_parallelism_changes_no_value(finished, spark, monkeypatch, tmp_path):
    # Without MLflow's folder, so that the models are trained from nothing, as version 1.
    ignored = shutil.ignore_patterns("mlflow")
    shutil.copytree(finished.settings.warehouse_path, tmp_path / "warehouse", ignore=ignored)
    settings = use(monkeypatch, tmp_path, finished.data)
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "7")
    try:
        assert make("*").succeeded
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    for name in tables():
        assert stored_rows(settings, name) == stored_rows(finished.settings, name), name


def test_law_6_every_cleaned_table_accounts_for_its_source(finished):
    accounted = {contract.accounting.source for contract in tables().values() if contract.accounting}
    cleaned = {f"bronze_{subject}" for subject in ("orders", "order_items", "order_payments", "order_reviews")}
    assert accounted == cleaned | {"silver_orders"}
    for check in finished.report.checks:
        if check.check_name == "nothing_is_lost":
            assert check.metadata["lost"].value == 0


def test_law_9_checks_need_no_second_scan_for_a_count(finished):
    for name in tables():
        table_ = lakehouse.open_table(finished.settings, name)
        assert lakehouse.statistics(table_)["rows"] == table_.to_pyarrow_table().num_rows
