"""A registry with versions whose trainings were never run: metrics alone decide, and no Spark is needed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from olist_assets.contracts.model import Model
from olist_assets.engine.engine import Flavour
from olist_assets.mlops.flavours import FLAVOUR_TAG, flavour_of
from olist_assets.mlops.registry import CHAMPION_PARAM, champion_version, client
from olist_assets.settings import Settings

MODEL = Model(name="small_model", description="A model for tests.", metric="auc_roc", leak_suspect="recency_days")
OWN = flavour_of(Settings())
OTHER: Flavour = "spark" if OWN == "sklearn" else "sklearn"
Register = Callable[..., MlflowClient]
"""Registers a version whose training logged these metrics, as if compared with the champion; returns the client."""


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: it takes two seconds to create, so it is created once and copied."""
    settings = Settings(warehouse=str(tmp_path_factory.mktemp("empty")))
    client(settings)
    return settings.warehouse_path / "mlflow" / "mlflow.db"


@pytest.fixture
def tracked(settings: Settings, database: Path) -> Settings:
    """An empty warehouse with MLflow's database."""
    (settings.warehouse_path / "mlflow").mkdir(parents=True)
    shutil.copy(database, settings.warehouse_path / "mlflow")
    return settings


@pytest.fixture
def register(tracked: Settings) -> Register:
    mlflow = client(tracked)

    def version(
        value: float | None,
        champion_value: float | None = None,
        *,
        model: Model = MODEL,
        flavour: Flavour = OWN,
        **others: float,
    ) -> MlflowClient:
        if not mlflow.search_registered_models(f"name = '{model.name}'"):
            mlflow.create_registered_model(model.name)
            mlflow.create_experiment(model.name, artifact_location=(tracked.warehouse_path / "x").as_uri())
        experiment = mlflow.get_experiment_by_name(model.name)
        assert experiment
        run = mlflow.create_run(experiment.experiment_id)
        if best := champion_version(mlflow, model, flavour):
            mlflow.log_param(run.info.run_id, CHAMPION_PARAM, best.version)
        metrics = {f"test/{model.metric}": value, f"champion/{model.metric}": champion_value, **others}
        for name, logged in metrics.items():
            if logged is not None:
                mlflow.log_metric(run.info.run_id, name, logged)
        mlflow.create_model_version(
            model.name, source=str(run.info.artifact_uri), run_id=run.info.run_id, tags={FLAVOUR_TAG: flavour}
        )
        return mlflow

    return version
