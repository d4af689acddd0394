"""MLflow's registry: versions of models, the champion among them that scores, and the figures of their trainings.

MLflow is imported where it is used: two seconds that a command about tables need not wait.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dagster as dg
from filelock import FileLock
from pyspark.ml import PipelineModel

from olist_assets.contracts.model import Model
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Seven more processes, for what this platform does not use.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # A server that is not there is said after seconds, not after minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
TESTED, BEATEN = "test", "champion"
CHAMPION_PARAM = "champion_version"


@dataclass(frozen=True)
class Trained:
    """A version of a model as its training leaves it."""

    model: Model
    version: int
    pipeline: PipelineModel
    run_id: str
    url: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Champion:
    """The version of a model that scores."""

    version: int
    pipeline: PipelineModel


def tracking_uri(settings: Settings) -> str:
    """Where MLflow is. Raises OlistError where it must be said and is not."""
    return settings.mlflow_tracking_uri or f"sqlite:///{local_folder(settings) / 'mlflow.db'}"


def local_folder(settings: Settings) -> Path:
    if settings.is_in_object_store:
        raise OlistError(
            "MLflow's database cannot lie in an object store: MLFLOW_TRACKING_URI names a server or database."
        )
    return settings.warehouse_path / "mlflow"


def client(settings: Settings) -> "MlflowClient":
    """MLflow's client, its database made where there is none. Raises OlistError where it cannot be reached."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = tracking_uri(settings)
    try:
        if settings.mlflow_tracking_uri is None:
            local_folder(settings).mkdir(parents=True, exist_ok=True)
            # Two first starts at once would both make its tables.
            with FileLock(local_folder(settings) / ".start.lock"):
                return _answering(MlflowClient(uri))
        return _answering(MlflowClient(uri))
    except (MlflowException, OSError) as error:
        # What comes after is the HTTP library's own account of it; it stays in the cause.
        what = str(error).splitlines()[0].partition(" with exception ")[0]
        raise OlistError(f"MLflow at {uri} cannot be used: {what}. Set MLFLOW_TRACKING_URI.") from error


def _answering(mlflow: "MlflowClient") -> "MlflowClient":
    mlflow.search_experiments(max_results=1)
    return mlflow


def newest_version(mlflow: "MlflowClient", model: Model) -> "ModelVersion":
    """Raises OlistError where the model was never trained."""
    versions = mlflow.search_model_versions(f"name = '{model.name}'")
    if not versions:
        raise OlistError(f"{model.name} was never trained. Train it: olist materialize --select {model.name}")
    return max(versions, key=lambda version: int(version.version))


def champion_version(mlflow: "MlflowClient", model: Model) -> "ModelVersion | None":
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

    try:
        return mlflow.get_model_version_by_alias(model.name, CHAMPION)
    except MlflowException as error:
        # The first where the model has no such alias, the second where there is no such model.
        if error.error_code in map(ErrorCode.Name, (INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST)):
            return None
        raise


def required_champion(settings: Settings, model: Model) -> "ModelVersion":
    """Raises OlistError where the model has no champion yet."""
    version = champion_version(client(settings), model)
    if version is None:
        raise OlistError(f"{model.name} has no champion yet. Train it: olist materialize --select {model.name}")
    return version


def champion(settings: Settings, model: Model) -> Champion | None:
    """The version that scores, loaded; None where there is none yet."""
    mlflow = client(settings)
    version = champion_version(mlflow, model)
    return Champion(int(version.version), loaded(settings, version)) if version else None


def loaded(settings: Settings, version: "ModelVersion") -> PipelineModel:
    from olist_assets.mlops.model_files import load_model

    return load_model(_local_copy(settings, version))


def features_of(settings: Settings, version: "ModelVersion") -> tuple[str, ...]:
    """The columns that a version was trained on, by its signature."""
    from mlflow.models import Model as StoredModel

    signature = StoredModel.load(_local_copy(settings, version)).signature
    return tuple(signature.inputs.input_names()) if signature else ()


def _local_copy(settings: Settings, version: "ModelVersion") -> str:
    """The folder of a version's files: where they are, or where they were downloaded to."""
    from mlflow.artifacts import download_artifacts

    # Asked of our client: an address models:/ is looked up in whatever registry this process was given last.
    stored = client(settings).get_model_version_download_uri(version.name, version.version)
    return download_artifacts(stored, tracking_uri=tracking_uri(settings))


class Figure(NamedTuple):
    """A figure that a training logged."""

    model: str
    version: int
    split: str
    metric: str
    value: float
    mlflow_run_id: str


def figures_of(settings: Settings, model: Model) -> list[Figure]:
    """Those of all versions of a model; of models compared with it under `model/variant`. In a fixed order."""
    mlflow, found = client(settings), []
    for version in mlflow.search_model_versions(f"name = '{model.name}'"):
        run = mlflow.get_run(str(version.run_id))
        for name, value in run.data.metrics.items():
            *variant, split, metric = name.split("/")
            compared = "/".join([model.name, *variant])
            found.append(Figure(compared, int(version.version), split, metric, value, run.info.run_id))
    return sorted(found)


def registered(settings: Settings, model: Model, source: str, run_id: str, model_id: str) -> int:
    """The number of the new version in the registry."""
    mlflow = client(settings)
    if not mlflow.search_registered_models(f"name = '{model.name}'"):
        mlflow.create_registered_model(model.name, description=model.description)
    return int(mlflow.create_model_version(model.name, source, run_id, model_id=model_id).version)


class ModelRegistry(dg.ConfigurableIOManager):
    """Where models are stored: a training's version is told to Dagster; who reads a model gets its champion."""

    @cached_property
    def _of_this_run(self) -> dict[tuple[str, int], PipelineModel]:
        """Models trained in this process: one that became champion need not be read back."""
        return {}

    def handle_output(self, context: dg.OutputContext, obj: Trained) -> None:
        self._of_this_run[obj.model.name, obj.version] = obj.pipeline
        context.add_output_metadata(
            {
                "model_version": obj.version,
                "mlflow_run_id": obj.run_id,
                "mlflow_run": dg.MetadataValue.url(obj.url),
                **{name: value for name, value in obj.figures.items() if name.startswith(f"{TESTED}/")},
            }
        )

    def load_input(self, context: dg.InputContext) -> Champion:
        from olist_assets.catalog import models

        settings, model = Settings(), models()[context.asset_key.to_user_string()]
        best = required_champion(settings, model)
        trained = self._of_this_run.get((model.name, int(best.version)))
        return Champion(int(best.version), trained or loaded(settings, best))
