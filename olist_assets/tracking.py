"""MLflow: one run a training, versions in its registry, and the champion among them, which scores.

MLflow is imported where it is used: two seconds that a command about tables need not wait.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from filelock import FileLock
from pyspark import __version__ as spark_version
from pyspark.ml import PipelineModel

from olist_assets import lakehouse
from olist_assets.contracts import Model
from olist_assets.errors import OlistError
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
LOCAL_UI = "http://127.0.0.1:5000"
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Seven more processes, for what this platform does not use.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # A server that is not there is said after seconds, not after minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
ADDRESS = "MLFLOW_TRACKING_URI"
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
    return settings.mlflow_tracking_uri or f"sqlite:///{_folder(settings) / 'mlflow.db'}"


def _folder(settings: Settings) -> Path:
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
            _folder(settings).mkdir(parents=True, exist_ok=True)
            # Two first starts at once would both make its tables.
            with FileLock(_folder(settings) / ".start.lock"):
                return _answering(MlflowClient(uri))
        return _answering(MlflowClient(uri))
    except (MlflowException, OSError) as error:
        what = str(error).splitlines()[0]
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
    from mlflow.spark import load_model

    # By its local path: from another address MLflow copies it to /tmp and leaves it there.
    return load_model(_local_copy(settings, version))


def features_of(settings: Settings, version: "ModelVersion") -> tuple[str, ...]:
    """The columns that a version was trained on, by its signature."""
    from mlflow.models import Model as StoredModel

    signature = StoredModel.load(_local_copy(settings, version)).signature
    return tuple(signature.inputs.input_names()) if signature else ()


def _local_copy(settings: Settings, version: "ModelVersion") -> str:
    """The folder of a version's files: where they are, or where they were downloaded to."""
    from mlflow.artifacts import download_artifacts

    return download_artifacts(f"models:/{version.name}/{version.version}", tracking_uri=tracking_uri(settings))


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


@dataclass(frozen=True)
class Training:
    """An MLflow run while a model is trained: what it gets is logged there."""

    model: Model
    champion: Champion | None
    _settings: Settings
    _mlflow: Any

    def params(self, values: Mapping[str, Any]) -> None:
        self._mlflow.log_params(dict(values))

    def figures(self, values: Mapping[str, float], *, split: str = TESTED, variant: str = "") -> None:
        """Log figures of a split, as `split/figure`; of another model beside it as `variant/split/figure`."""
        prefix = f"{variant}/{split}" if variant else split
        self._mlflow.log_metrics({f"{prefix}/{name}": value for name, value in values.items()})

    def against_champion(self, figures: Mapping[str, float]) -> None:
        """Log what the champion of now reaches on the same held-out data."""
        if self.champion:
            self.params({CHAMPION_PARAM: self.champion.version})
            self.figures(figures, split=BEATEN)

    def plots(self, figures: "Mapping[str, Plot]") -> None:
        for name, figure in figures.items():
            self._mlflow.log_figure(figure, f"plots/{name}.png")

    def importances(self, values: Mapping[str, float]) -> None:
        """Log the weight of each feature, the largest first."""
        ordered = dict(sorted(values.items(), key=lambda pair: -pair[1]))
        self._mlflow.log_dict(ordered, "feature_importances.json")

    def version(self, pipeline: PipelineModel, features: tuple[str, ...]) -> Trained:
        """Store the pipeline as the model's next version; all its features are doubles."""
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        signature = ModelSignature(
            inputs=Schema([ColSpec(DataType.double, name) for name in features]),
            outputs=Schema([ColSpec(DataType.double, "prediction")]),
        )
        run = self._mlflow.active_run().info
        with TemporaryDirectory() as scratch:
            stored = self._mlflow.spark.log_model(
                pipeline,
                "model",
                signature=signature,
                # Inferring them would start a second JVM.
                pip_requirements=[f"pyspark=={spark_version}"],
                dfs_tmpdir=scratch,
            )
        version = _registered(self._settings, self.model, stored.model_uri, run.run_id, stored.model_id)
        figures = self._mlflow.get_run(run.run_id).data.metrics
        url = run_url(self._settings, run.experiment_id, run.run_id)
        return Trained(self.model, version, pipeline, run.run_id, url, figures)


def _registered(settings: Settings, model: Model, source: str, run_id: str, model_id: str) -> int:
    """The number of the new version in the registry."""
    mlflow = client(settings)
    if not mlflow.search_registered_models(f"name = '{model.name}'"):
        mlflow.create_registered_model(model.name, description=model.description)
    return int(mlflow.create_model_version(model.name, source, run_id, model_id=model_id).version)


def run_url(settings: Settings, experiment: str, run_id: str) -> str:
    """Where the run is seen: on the tracking server, else where `olist mlflow` shows it."""
    uri = tracking_uri(settings)
    base = uri.rstrip("/") if uri.startswith("http") else LOCAL_UI
    return f"{base}/#/experiments/{experiment}/runs/{run_id}"


class Mlflow(dg.ConfigurableResource):
    """MLflow for trainings, through dagster-mlflow's resource."""

    @contextmanager
    def training(self, context: dg.AssetExecutionContext, model: Model, config: dg.Config) -> Iterator[Training]:
        """An MLflow run in the model's experiment, with the Dagster run, the parameters and the inputs' versions.

        dagster-mlflow starts it, and ties it to the Dagster run. It leaves the run of a failed training running for
        ever in this process and calls it finished in another, so the end is said here.
        """
        from dagster_mlflow import mlflow_tracking

        settings = Settings()
        _require_experiment(settings, model.name)
        tracked = {"experiment_name": model.name, "mlflow_tracking_uri": tracking_uri(settings)}
        tags = {"extra_tags": {"dagster_asset": model.name, "dagster_job": context.run.job_name}, "env": {}}
        with (
            _address_kept(),
            dg.build_resources(
                {"mlflow": mlflow_tracking},
                instance=context.instance,
                dagster_run=context.run,
                log_manager=context.log,
                resource_config={"mlflow": {"config": tracked | tags}},
            ) as resources,
        ):
            mlflow, status = resources.mlflow, "FAILED"
            try:
                parents = sorted(key.to_user_string() for key in context.assets_def.dependency_keys)
                versions = {f"delta_version.{name}": lakehouse.open_table(settings, name).version() for name in parents}
                mlflow.log_params(config.model_dump() | versions)
                yield Training(model, champion(settings, model), settings, mlflow)
                status = "FINISHED"
            except (KeyboardInterrupt, DagsterExecutionInterruptedError):
                status = "KILLED"
                raise
            finally:
                mlflow.end_run(status)


@contextmanager
def _address_kept() -> Iterator[None]:
    """MLflow writes its address into the environment, where the next Settings would take it for the user's."""
    before = os.environ.pop(ADDRESS, None)
    try:
        yield
    finally:
        os.environ.pop(ADDRESS, None)
        if before is not None:
            os.environ[ADDRESS] = before


def _require_experiment(settings: Settings, name: str) -> None:
    mlflow = client(settings)
    if mlflow.get_experiment_by_name(name) is None:
        # A server knows where artifacts belong; a database alone would put them into the working directory.
        local = settings.mlflow_tracking_uri is None
        mlflow.create_experiment(name, (_folder(settings) / "artifacts" / name).as_uri() if local else None)


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
