"""MLflow's registry: versions of models, the champion among them that scores, and the metrics of their trainings.

A registered model has versions of both flavours. Each flavour has a champion and a newest version of its own; an engine
reads those of its flavour only.

MLflow is imported where it is used: two seconds, which commands about tables do not need.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock

from olist_assets.contracts.model import Model, Promotion
from olist_assets.engine.engine import Flavour
from olist_assets.errors import OlistError
from olist_assets.loopback import bypass_proxy
from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG, estimators_of, flavour_of, tagged_flavour
from olist_assets.mlops.moved import follow_move
from olist_assets.mlops.places import DATABASE, artifacts, credentials, local_folder, sqlite, tracking_uri
from olist_assets.mlops.stored_files import private_copy
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from pyspark.sql import DataFrame

    from olist_assets.mlops.estimators.interface import FittedModel

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
REFUSED_PARAM = "refused_champion_version"
"""The champion at the time of a training that was not loaded because its files are not a model of ours."""


@dataclass(frozen=True)
class Trained:
    """A version of a model as its training leaves it."""

    model: Model
    version: int
    fitted: "FittedModel"
    run_id: str
    url: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Champion:
    """The version of a model that scores."""

    version: int
    fitted: "FittedModel"

    def score(self, frame: "DataFrame") -> "DataFrame":
        """The frame with the model's `prediction`, and `probability` or `features`: see FittedModel."""
        return self.fitted.score(frame)


def client(settings: Settings) -> "MlflowClient":
    """MLflow's client; creates the database if it does not exist.

    Raises OlistError if MLflow cannot be reached, its database is broken, or the driver of another database is missing.
    """
    bypass_proxy()
    os.environ.update(credentials(settings))
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
                _create_database(local_folder(settings) / DATABASE, settings.cache)
                follow_move(local_folder(settings) / DATABASE, artifacts(settings))
                return _checked(MlflowClient(uri))
        return _checked(MlflowClient(uri))
    except (MlflowException, OSError, sqlite3.Error, ImportError) as error:
        # The rest is the HTTP library's own message.
        what = str(error).splitlines()[0].partition(" with exception ")[0]
        # Without its cause, whose text may have the address of a database with its password.
        raise OlistError(f"MLflow at {uri} cannot be used: {what}. Set MLFLOW_TRACKING_URI.") from None


def _create_database(path: Path, cache: Path) -> None:
    """Create MLflow's database as a copy of an empty one in the cache: to create its tables takes two seconds."""
    if path.exists():
        return
    from mlflow import MlflowClient
    from mlflow.version import VERSION

    empty = cache / f"mlflow-{VERSION}.db"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{empty}.lock"):
        if not empty.exists():
            partial = empty.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            _checked(MlflowClient(sqlite(partial)))
            partial.rename(empty)
    partial = path.with_suffix(".partial")
    shutil.copyfile(empty, partial)
    partial.rename(path)


def _checked(mlflow: "MlflowClient") -> "MlflowClient":
    mlflow.search_experiments(max_results=1)
    return mlflow


def versions_of(mlflow: "MlflowClient", model: Model, flavour: Flavour) -> "list[ModelVersion]":
    """The versions of a model in a flavour, the oldest first."""
    versions = mlflow.search_model_versions(f"name = '{model.name}'")
    own = (version for version in versions if tagged_flavour(version.tags) == flavour)
    return sorted(own, key=lambda version: int(version.version))


def newest_version(mlflow: "MlflowClient", model: Model, flavour: Flavour) -> "ModelVersion":
    """The newest version of a model in a flavour. Raises OlistError if it was never trained."""
    versions = versions_of(mlflow, model, flavour)
    if not versions:
        raise OlistError(
            f"{model.name} was never trained with {flavour}. Train it: olist materialize --select {model.name}"
        )
    return versions[-1]


def champion_version(mlflow: "MlflowClient", model: Model, flavour: Flavour) -> "ModelVersion | None":
    """The champion of a flavour, None if there is none yet. Raises OlistError if it is of the other flavour."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

    alias = CHAMPION_ALIASES[flavour]
    try:
        version = mlflow.get_model_version_by_alias(model.name, alias)
    except MlflowException as error:
        # The first if the model has no such alias, the second if there is no such model.
        if error.error_code in map(ErrorCode.Name, (INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST)):
            return None
        raise
    if (found := tagged_flavour(version.tags)) != flavour:
        raise OlistError(
            f"{model.name} version {version.version} has the alias {alias} and was trained with {found}, not "
            f"{flavour}. Give the alias to another version: olist mlflow"
        )
    return version


def required_champion(settings: Settings, model: Model) -> "ModelVersion":
    """The champion's version in the engine's flavour. Raises OlistError if the model has none yet."""
    flavour = flavour_of(settings)
    version = champion_version(client(settings), model, flavour)
    if version is None:
        raise OlistError(
            f"{model.name} has no champion of {flavour} yet. Train and promote it: "
            f"olist materialize --select {model.name},{Promotion(model).name}"
        )
    return version


def champion(settings: Settings, model: Model) -> Champion | None:
    """The version that scores, loaded; None if there is none yet."""
    version = champion_version(client(settings), model, flavour_of(settings))
    return Champion(int(version.version), load(settings, version)) if version else None


def load(settings: Settings, version: "ModelVersion") -> "FittedModel":
    """The fitted model of a version of the engine's flavour. Raises ModelRefused unless it was trained here.

    Never by MLflow's own loaders: they run what the model's files say.
    """
    stored = client(settings).get_model_version_download_uri(version.name, version.version)
    with private_copy(settings, version, stored) as folder:
        return estimators_of(settings).load(folder, settings)


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


def register(
    settings: Settings, model: Model, source: str, *, run_id: str, model_id: str, record: Mapping[str, str]
) -> int:
    """Create the model's next version in the registry, with its flavour and its record; return its number."""
    mlflow, tags = client(settings), {FLAVOUR_TAG: flavour_of(settings), **record}
    if not mlflow.search_registered_models(f"name = '{model.name}'"):
        mlflow.create_registered_model(model.name, description=model.description)
    return int(mlflow.create_model_version(model.name, source, run_id, tags=tags, model_id=model_id).version)
