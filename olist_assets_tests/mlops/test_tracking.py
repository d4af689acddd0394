"""MLflow runs of trainings: their status, parameters and metrics, however the training ends. Without Spark."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import BaseModel
from pyspark.sql import DataFrame

from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.contracts.catalog import Catalog
from olist_assets.contracts.marks import Resource, model_asset, table_asset
from olist_assets.engine.resources import WarehouseResource
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.mlops.flavours import FLAVOUR_TAG
from olist_assets.mlops.promotion import promote
from olist_assets.mlops.registry import REFUSED_PARAM, client
from olist_assets.mlops.tracking import ADDRESS, Mlflow, MlflowResource, run_url
from olist_assets.orchestration.assets import asset_of, daily_partitions
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.settings import Address, Settings
from olist_assets.silver.silver_rejects import SILVER_REJECTS
from olist_assets_tests.mlops.conftest import MODEL, OWN
from olist_assets_tests.rows import store


class Outcome(BaseModel):
    """Whether the training fails."""

    fails: bool = False


@table_asset(SILVER_REJECTS)
def silver_rejects() -> DataFrame:
    """The table that the small model is trained on."""
    raise NotImplementedError


@model_asset(MODEL)
def small_model(mlflow: Resource[Mlflow], config: Outcome, silver_rejects: DataFrame) -> None:
    """A training without a model."""
    with mlflow.training(MODEL, config) as run:
        run.log_metrics({"auc_roc": 0.75})
        if config.fails:
            raise ValueError("no convergence")


ONE_MODEL, OTHER_MODEL = replace(MODEL, name="one_model"), replace(MODEL, name="other_model")
MEET = threading.Barrier(2)


@model_asset(ONE_MODEL)
def one_model(mlflow: Resource[Mlflow]) -> None:
    meet(mlflow, ONE_MODEL)


@model_asset(OTHER_MODEL)
def other_model(mlflow: Resource[Mlflow]) -> None:
    meet(mlflow, OTHER_MODEL)


def meet(mlflow: Mlflow, model: Any) -> None:
    """A training that ends only after another one has begun."""
    with mlflow.training(model, Outcome()) as run:
        MEET.wait(30)
        run.log_metrics({"auc_roc": 0.75})
        MEET.wait(30)
        assert Settings().mlflow_tracking_uri is None  # MLflow's address never becomes the user's setting


class NoStorage(dg.IOManager):
    """Stores and reads nothing."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None: ...

    def load_input(self, context: dg.InputContext) -> None: ...


FUNCTIONS = {"small_model": [small_model], "at_once": [one_model, other_model]}


def job(name: str, warehouse: str) -> dg.JobDefinition:
    """A job that trains the models of a name; made again from its arguments where a step has its own process."""
    catalog = Catalog.of([silver_rejects, *FUNCTIONS[name]])
    of_warehouse = WarehouseResource.of(Warehouse(Settings(warehouse=warehouse), catalog))
    nothing = dg.IOManagerDefinition.hardcoded_io_manager(NoStorage())
    definitions = dg.Definitions(
        [
            dg.AssetSpec(SILVER_REJECTS.name),
            *(asset_of(function, daily_partitions(PUBLISHED)) for function in FUNCTIONS[name]),
        ],
        resources={"mlflow": MlflowResource(warehouse=of_warehouse), "models": nothing, "io_manager": nothing},
        jobs=[dg.define_asset_job(name, executor_def=threaded_executor(2) if name == "at_once" else None)],
    )
    return definitions.resolve_job_def(name)


def execute(
    settings: Settings, storage: dg.DagsterInstance, name: str, config: dict[str, Any] | None = None
) -> dg.JobExecutionResult:
    rebuilt = dg.build_reconstructable_job(
        __name__,
        "job",
        reconstructable_kwargs={"name": name, "warehouse": settings.warehouse},
        reconstructor_working_directory=str(Path(__file__).parents[2]),
    )
    return dg.execute_job(rebuilt, storage, run_config=config or {})


def train(
    settings: Settings, storage: dg.DagsterInstance, *, fails: bool, in_process: bool = True
) -> dg.JobExecutionResult:
    executor = {"execution": {"config": {"in_process" if in_process else "multiprocess": {}}}}
    return execute(settings, storage, "small_model", {"ops": {"small_model": {"config": {"fails": fails}}}} | executor)


def experiment(settings: Settings, name: str = MODEL.name) -> Any:
    found = client(settings).get_experiment_by_name(name)
    assert found
    return found


@pytest.fixture
def storage(tracked: Settings, warehouse: Warehouse) -> Iterator[dg.DagsterInstance]:
    """Dagster's storage; the table that the model reads has one version with rows."""
    store(warehouse, SILVER_REJECTS, {"reason": "bad_cast"})
    with dg.DagsterInstance.from_config(str(tracked.dagster_home)) as opened:
        yield opened


@pytest.mark.parametrize("in_process", [True, False], ids=["in process", "in another process"])
@pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
def test_an_mlflow_run_has_the_status_of_its_training(tracked, storage, in_process, fails):
    result = train(tracked, storage, in_process=in_process, fails=fails)
    assert result.success is not fails
    (run,) = client(tracked).search_runs([experiment(tracked).experiment_id])
    assert run.info.status == ("FAILED" if fails else "FINISHED")
    assert run.data.tags["dagster_run_id"] == result.run_id
    assert run.data.tags[FLAVOUR_TAG] == OWN
    assert run.data.params == {"fails": str(fails), "delta_version.silver_rejects": "1"}
    assert run.data.metrics == {"test/auc_roc": 0.75}


def test_a_training_goes_on_without_a_champion_that_is_refused(tracked, storage, register):
    register(0.9)  # without files, so without a digest
    assert promote(tracked, MODEL).version == 1
    assert train(tracked, storage, fails=False).success
    (run,) = client(tracked).search_runs([experiment(tracked).experiment_id], "params.fails = 'False'")
    assert run.data.params[REFUSED_PARAM] == "1"


def test_trainings_of_several_dagster_runs_are_several_mlflow_runs(tracked, storage):
    for fails in (False, True, False):
        train(tracked, storage, fails=fails)
    runs = client(tracked).search_runs([experiment(tracked).experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED", "FAILED", "FINISHED"]
    assert len({run.data.tags["dagster_run_id"] for run in runs}) == 3


def test_two_trainings_at_once_are_logged_separately(tracked, storage):
    assert execute(tracked, storage, "at_once").success
    for name in ("one_model", "other_model"):
        (run,) = client(tracked).search_runs([experiment(tracked, name).experiment_id])
        assert run.data.tags["dagster_asset"] == name
        assert (run.info.status, run.data.metrics) == ("FINISHED", {"test/auc_roc": 0.75})


def test_a_training_restores_the_address_in_the_environment(tracked, storage, monkeypatch):
    monkeypatch.setenv(ADDRESS, "http://of.the.user")
    train(tracked, storage, fails=False)
    assert os.environ[ADDRESS] == "http://of.the.user"


def test_artifacts_are_in_the_warehouse_and_the_working_directory_is_unchanged(tracked, storage, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    train(tracked, storage, fails=False)
    location = experiment(tracked).artifact_location
    assert location == (tracked.warehouse_path / "mlflow" / "artifacts" / "small_model").as_uri()
    assert list(Path.cwd().iterdir()) == []


def test_the_page_of_a_run_is_on_the_server_or_where_olist_mlflow_shows_it(settings):
    assert run_url(settings, "1", "abc") == "http://127.0.0.1:5000/#/experiments/1/runs/abc"
    server = settings.model_copy(update={"mlflow_tracking_uri": Address("https://user:password@mlflow.example/")})
    assert run_url(server, "1", "abc") == "https://mlflow.example/#/experiments/1/runs/abc"
