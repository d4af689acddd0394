"""MLflow's registry: versions of models, the champion among them that scores, and the metrics of their trainings.

MLflow and Spark ML are imported where they are used: together three seconds, which commands about tables do not need.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock

from olist_assets.contracts.model import Model, Promotion
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from pyspark.ml import PipelineModel

CHAMPION = "champion"
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Seven more processes, for features that this platform does not use.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # Report an unreachable server after seconds instead of minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
TEST_SPLIT, CHAMPION_SPLIT = "test", "champion"
"""Metrics of a new version on held-out data, and of the champion at the time on the same data."""
CHAMPION_PARAM = "champion_version"


@dataclass(frozen=True)
class Trained:
    """A version of a model as its training leaves it."""

    model: Model
    version: int
    pipeline: "PipelineModel"
    run_id: str
    url: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Champion:
    """The version of a model that scores."""

    version: int
    pipeline: "PipelineModel"


def tracking_uri(settings: Settings) -> str:
    """The address of MLflow. Raises OlistError if it must be set and is not."""
    return settings.mlflow_tracking_uri or f"sqlite:///{local_folder(settings) / 'mlflow.db'}"


def local_folder(settings: Settings) -> Path:
    if settings.is_in_object_store:
        raise OlistError(
            "MLflow's database cannot be in an object store: set MLFLOW_TRACKING_URI to a server or database."
        )
    return settings.warehouse_path / "mlflow"


def client(settings: Settings) -> "MlflowClient":
    """MLflow's client; creates the database if it does not exist. Raises OlistError if MLflow cannot be reached."""
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
            # Two first starts at once would both create its tables.
            with FileLock(local_folder(settings) / ".start.lock"):
                return _checked(MlflowClient(uri))
        return _checked(MlflowClient(uri))
    except (MlflowException, OSError) as error:
        # The rest is the HTTP library's own message; it stays in the cause.
        what = str(error).splitlines()[0].partition(" with exception ")[0]
        raise OlistError(f"MLflow at {uri} cannot be used: {what}. Set MLFLOW_TRACKING_URI.") from error


def _checked(mlflow: "MlflowClient") -> "MlflowClient":
    mlflow.search_experiments(max_results=1)
    return mlflow


def has_versions(mlflow: "MlflowClient", model: Model) -> bool:
    """Whether the model was ever trained."""
    return bool(mlflow.search_model_versions(f"name = '{model.name}'", max_results=1))


def newest_version(mlflow: "MlflowClient", model: Model) -> "ModelVersion":
    """The newest version of a model. Raises OlistError if it was never trained."""
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
        # The first if the model has no such alias, the second if there is no such model.
        if error.error_code in map(ErrorCode.Name, (INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST)):
            return None
        raise


def required_champion(settings: Settings, model: Model) -> "ModelVersion":
    """The champion's version. Raises OlistError if the model has none yet."""
    version = champion_version(client(settings), model)
    if version is None:
        raise OlistError(
            f"{model.name} has no champion yet. Train and promote it: "
            f"olist materialize --select {model.name},{Promotion(model).name}"
        )
    return version


def champion(settings: Settings, model: Model) -> Champion | None:
    """The version that scores, loaded; None if there is none yet."""
    mlflow = client(settings)
    version = champion_version(mlflow, model)
    return Champion(int(version.version), load(settings, version)) if version else None


def load(settings: Settings, version: "ModelVersion") -> "PipelineModel":
    """The fitted pipeline of a version."""
    from olist_assets.mlops.model_files import load_model

    return load_model(settings, _local_copy(settings, version))


def features_of(settings: Settings, version: "ModelVersion") -> tuple[str, ...]:
    """The columns that a version was trained on, from its signature."""
    from mlflow.models import Model as StoredModel

    signature = StoredModel.load(_local_copy(settings, version)).signature
    return tuple(signature.inputs.input_names()) if signature else ()


def _local_copy(settings: Settings, version: "ModelVersion") -> str:
    """A local folder with a version's files, downloaded if needed."""
    from mlflow.artifacts import download_artifacts

    # By our client: a models:/ address would be resolved by the registry that this process used last.
    stored = client(settings).get_model_version_download_uri(version.name, version.version)
    return download_artifacts(stored, tracking_uri=tracking_uri(settings))


class Metric(NamedTuple):
    """A metric that a training logged."""

    model: str
    version: int
    split: str
    metric: str
    value: float
    mlflow_run_id: str


def metrics_of(settings: Settings, model: Model) -> list[Metric]:
    """Metrics of all versions of a model, in a fixed order; those of models compared with it are `model/variant`."""
    mlflow, found = client(settings), []
    for version in mlflow.search_model_versions(f"name = '{model.name}'"):
        run = mlflow.get_run(str(version.run_id))
        for name, value in run.data.metrics.items():
            *variant, split, metric = name.split("/")
            compared = "/".join([model.name, *variant])
            found.append(Metric(compared, int(version.version), split, metric, value, run.info.run_id))
    return sorted(found)


def register(settings: Settings, model: Model, source: str, run_id: str, model_id: str) -> int:
    """Create the model's next version in the registry and return its number."""
    mlflow = client(settings)
    if not mlflow.search_registered_models(f"name = '{model.name}'"):
        mlflow.create_registered_model(model.name, description=model.description)
    return int(mlflow.create_model_version(model.name, source, run_id, model_id=model_id).version)
