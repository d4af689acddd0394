"""MLflow runs and the registry: how a training ends there, and who becomes champion. Without Spark."""

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from mlflow import MlflowClient

from olist_assets.mlops import model_checks
from olist_assets.contracts.model import Model
from olist_assets.errors import OlistError
from olist_assets.orchestration.executor import threaded_executor
from olist_assets.mlops.registry import CHAMPION, champion_version, client
from olist_assets.settings import Settings
from olist_assets.mlops.tracking import Mlflow, run_url

MODEL = Model(name="small_model", description="Nothing.", figure="auc_roc", suspect="recency_days")


class Outcome(dg.Config):
    fails: bool


@dg.asset
def small_model(context: dg.AssetExecutionContext, config: Outcome, mlflow: Mlflow) -> None:
    """A training without a model."""
    with mlflow.training(context, MODEL, config) as run:
        run.figures({"auc_roc": 0.75})
        if config.fails:
            raise ValueError("no convergence")


defs = dg.Definitions([small_model], resources={"mlflow": Mlflow()}, jobs=[dg.define_asset_job("trainings")])


def job():
    return defs.resolve_job_def("trainings")


def train(storage: dg.DagsterInstance, *, in_process: bool, fails: bool):
    executor = {"execution": {"config": {"in_process" if in_process else "multiprocess": {}}}}
    config = {"ops": {"small_model": {"config": {"fails": fails}}}} | executor
    return dg.execute_job(dg.reconstructable(job), storage, run_config=config)


def experiment(settings, name: str = MODEL.name):
    found = client(settings).get_experiment_by_name(name)
    assert found
    return found


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """An MLflow database without runs: two seconds to make, so made once and copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLIST_WAREHOUSE", str(tmp_path_factory.mktemp("empty")))
        client(Settings())
        return Settings().warehouse_path / "mlflow" / "mlflow.db"


@pytest.fixture
def tracked(settings, database):
    """An empty warehouse with MLflow's database."""
    (settings.warehouse_path / "mlflow").mkdir(parents=True)
    shutil.copy(database, settings.warehouse_path / "mlflow")
    return settings


@pytest.fixture
def storage(tracked):
    del tracked
    with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as opened:
        yield opened


@pytest.mark.parametrize("in_process", [True, False], ids=["in process", "in another process"])
@pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
def test_a_run_ends_in_mlflow_as_it_ended(settings, storage, in_process, fails):
    result = train(storage, in_process=in_process, fails=fails)
    assert result.success is not fails
    mlflow = client(settings)
    (run,) = mlflow.search_runs([experiment(settings).experiment_id])
    assert run.info.status == ("FAILED" if fails else "FINISHED")
    assert run.data.tags["dagster_run_id"] == result.run_id
    assert run.data.params == {"fails": str(fails)}
    assert run.data.metrics == {"test/auc_roc": 0.75}


def test_trainings_of_one_dagster_run_are_runs_of_their_own(settings, storage):
    for fails in (False, True, False):
        train(storage, in_process=True, fails=fails)
    mlflow = client(settings)
    runs = mlflow.search_runs([experiment(settings).experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED", "FAILED", "FINISHED"]
    assert len({run.data.tags["dagster_run_id"] for run in runs}) == 3


@dg.asset
def one_model(context: dg.AssetExecutionContext, mlflow: Mlflow) -> None:
    meet(context, mlflow, replace(MODEL, name="one_model"))


@dg.asset
def other_model(context: dg.AssetExecutionContext, mlflow: Mlflow) -> None:
    meet(context, mlflow, replace(MODEL, name="other_model"))


MEET = threading.Barrier(2)
at_once = dg.Definitions(
    [one_model, other_model],
    resources={"mlflow": Mlflow()},
    jobs=[dg.define_asset_job("at_once")],
    executor=threaded_executor,
)


def meet(context: dg.AssetExecutionContext, mlflow: Mlflow, model: Model) -> None:
    """A training that ends only when another has begun."""
    with mlflow.training(context, model, dg.Config()) as run:
        MEET.wait(30)
        run.figures({"auc_roc": 0.75})
        MEET.wait(30)
        assert Settings().mlflow_tracking_uri is None  # the address stays MLflow's own


def at_once_job():
    return at_once.resolve_job_def("at_once")


def test_two_trainings_at_once_are_logged_apart(settings, storage):
    assert dg.execute_job(dg.reconstructable(at_once_job), storage).success
    mlflow = client(settings)
    for name in ("one_model", "other_model"):
        (run,) = mlflow.search_runs([experiment(settings, name).experiment_id])
        assert run.data.tags["dagster_asset"] == name
        assert (run.info.status, run.data.metrics) == ("FINISHED", {"test/auc_roc": 0.75})


def test_artifacts_lie_in_the_warehouse_and_the_working_directory_stays_as_it_was(settings, storage):
    train(storage, in_process=True, fails=False)
    location = experiment(settings).artifact_location
    assert location == (settings.warehouse_path / "mlflow" / "artifacts" / "small_model").as_uri()
    assert not (Path.cwd() / "mlruns").exists()


def test_two_first_starts_at_once_both_find_a_database(settings):
    words = "from olist_assets.settings import Settings; from olist_assets.tracking import client; client(Settings())"
    starts = [subprocess.Popen([sys.executable, "-c", words], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(start.communicate()[1], start.returncode)[1] for start in starts] == [0, 0]


def test_a_server_that_is_not_there_is_named(settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(OlistError, match=r"MLflow at http://127.0.0.1:9 cannot be used.*MLFLOW_TRACKING_URI"):
        client(Settings())


def test_a_run_is_seen_on_the_server_or_where_olist_mlflow_shows_it(settings, monkeypatch):
    assert run_url(settings, "1", "abc") == "http://127.0.0.1:5000/#/experiments/1/runs/abc"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example/")
    assert run_url(Settings(), "1", "abc") == "https://mlflow.example/#/experiments/1/runs/abc"


@pytest.fixture
def version(tracked):
    """Register a version whose training logged these metrics, as if compared with a champion."""
    mlflow = client(tracked)
    experiment = mlflow.create_experiment(MODEL.name, artifact_location=(tracked.warehouse_path / "x").as_uri())
    mlflow.create_registered_model(MODEL.name)

    def register(own: float | None, champions: float | None = None, **others: float) -> MlflowClient:
        run = mlflow.create_run(experiment)
        best = champion_version(mlflow, MODEL)
        if best:
            mlflow.log_param(run.info.run_id, "champion_version", best.version)
        metrics = {"test/auc_roc": own, "champion/auc_roc": champions, **others}
        for name, value in metrics.items():
            if value is not None:
                mlflow.log_metric(run.info.run_id, name, value)
        mlflow.create_model_version(MODEL.name, source=str(run.info.artifact_uri), run_id=run.info.run_id)
        return mlflow

    return register


def judged(settings):
    passed, figures = model_checks.promoted_if_as_good(settings, MODEL)
    best = champion_version(client(settings), MODEL)
    return passed, figures["decision"], int(best.version) if best else None


def test_the_first_version_becomes_champion(settings, version):
    version(0.7)
    assert judged(settings) == (True, "promoted", 1)


@pytest.mark.parametrize(
    ("own", "champions", "best"), [(0.71, 0.70, 2), (0.70, 0.70, 2), (0.69, 0.70, 1), (None, 0.7, 1), (0.7, None, 1)]
)
def test_a_version_becomes_champion_where_it_is_not_below_the_one_before(settings, version, own, champions, best):
    version(0.9)
    judged(settings)
    version(own, champions)
    assert judged(settings) == (best == 2, "promoted" if best == 2 else "kept the champion", best)


def test_the_check_shows_both_figures(settings, version):
    version(0.9)
    judged(settings)
    version(0.6, 0.7)
    _, figures = model_checks.promoted_if_as_good(settings, MODEL)
    assert figures == {
        "version": 2,
        "held_out_auc_roc": 0.6,
        "decision": "kept the champion",
        "champion_version": 1,
        "champion_held_out_auc_roc": 0.7,
    }


def test_an_alias_moved_back_by_hand_stays_when_the_check_runs_again(settings, version):
    version(0.7)
    judged(settings)
    mlflow = version(0.8, 0.7)
    assert judged(settings) == (True, "promoted", 2)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION, "1")
    assert judged(settings) == (True, "promoted", 1)


def test_a_champion_that_the_training_was_not_compared_with_stays(settings, version):
    version(0.5)
    judged(settings)
    mlflow = version(0.9, 0.5)
    version(0.6, 0.5)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION, "2")
    assert judged(settings) == (False, "kept the champion", 2)


@pytest.mark.parametrize(("without", "passed"), [(0.95, True), (0.62, False)])
def test_a_feature_that_gives_the_label_away_warns_with_both_figures(settings, version, without, passed):
    version(0.99, **{"without_recency_days/test/auc_roc": without})
    found, figures = model_checks.leaks_nothing(settings, MODEL)
    assert found is passed
    assert (figures["auc_roc_with_recency_days"], figures["auc_roc_without_recency_days"]) == (0.99, without)


def test_a_leak_that_was_not_measured_is_not_taken_for_none(settings, version):
    version(0.99)
    assert model_checks.leaks_nothing(settings, MODEL) == (False, {"not_measured": ["auc_roc_without_recency_days"]})


def test_a_check_of_a_model_that_was_never_trained_says_how_to_train_it(settings):
    with pytest.raises(OlistError, match=r"never trained.*olist materialize --select small_model"):
        model_checks.promoted_if_as_good(settings, MODEL)
