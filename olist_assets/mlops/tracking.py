"""MLflow runs: one per training or evaluation, through dagster-mlflow's resource, whose status is that of its step."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import BaseModel

from olist_assets.contracts.model import Model
from olist_assets.contracts.table import Table
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.loopback import HOST
from olist_assets.mlops.flavours import FLAVOUR_TAG, estimators_of, flavour_of
from olist_assets.mlops.libraries import imported_meanwhile
from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.mlops.places import artifacts, is_server, tracking_uri
from olist_assets.mlops.registry import (
    CHAMPION_PARAM,
    CHAMPION_SPLIT,
    REFUSED_PARAM,
    TEST_SPLIT,
    Champion,
    Trained,
    champion,
    client,
    register,
    required_champion,
)
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from olist_assets.mlops.estimators.interface import Estimators, FittedModel

LOCAL_UI = f"http://{HOST}:5000"
ADDRESS = "MLFLOW_TRACKING_URI"
_STARTING = Lock()


@dataclass(frozen=True)
class Run:
    """An MLflow run; everything is logged there."""

    _mlflow: Any

    def log_params(self, values: Mapping[str, Any]) -> None:
        self._mlflow.log_params(dict(values))

    def log_metrics(self, values: Mapping[str, float], *, split: str = TEST_SPLIT, variant: str = "") -> None:
        """Log metrics of a split as `split/metric`, those of a compared model as `variant/split/metric`."""
        prefix = f"{variant}/{split}" if variant else split
        self._mlflow.log_metrics({f"{prefix}/{name}": value for name, value in values.items()})

    def log_plots(self, plots: "Mapping[str, Figure]") -> None:
        for name, plot in plots.items():
            self._mlflow.log_figure(plot, f"plots/{name}.png")


@dataclass(frozen=True)
class Training(Run):
    """An MLflow run while a model is trained."""

    model: Model
    champion: Champion | None
    _settings: Settings

    @property
    def estimators(self) -> "Estimators":
        """The estimators of the run's engine."""
        return estimators_of(self._settings)

    def log_champion_metrics(self, values: Mapping[str, float]) -> None:
        """Log what the present champion reaches on the same held-out data."""
        if self.champion:
            self.log_params({CHAMPION_PARAM: self.champion.version})
            self.log_metrics(values, split=CHAMPION_SPLIT)

    def log_importances(self, values: Mapping[str, float]) -> None:
        """Log the weight of each feature, the largest first."""
        ordered = dict(sorted(values.items(), key=lambda pair: -pair[1]))
        self._mlflow.log_dict(ordered, "feature_importances.json")

    def register(self, fitted: "FittedModel") -> Trained:
        """Store a model as the next version."""
        from mlflow.models import Model as StoredModel

        from olist_assets.mlops import model_files

        run = self._mlflow.active_run().info
        record: dict[str, str] = {}
        stored = StoredModel.log(
            artifact_path=None, name="model", flavor=model_files, fitted=fitted, settings=self._settings, record=record
        )
        version = register(
            self._settings,
            self.model,
            stored.model_uri,
            run_id=run.run_id,
            model_id=stored.model_id,
            record=record,
        )
        metrics = self._mlflow.get_run(run.run_id).data.metrics
        url = run_url(self._settings, run.experiment_id, run.run_id)
        return Trained(self.model, version, fitted, run.run_id, url, metrics)


def run_url(settings: Settings, experiment: str, run_id: str) -> str:
    """The page of a run: on the tracking server, else where `olist mlflow` shows it."""
    base = tracking_uri(settings) if is_server(settings) else LOCAL_UI
    return f"{base}/#/experiments/{experiment}/runs/{run_id}"


@dataclass(frozen=True)
class Mlflow:
    """MLflow for the trainings and evaluations of one Dagster run."""

    warehouse: Warehouse
    context: dg.InitResourceContext

    @contextmanager
    def training(self, model: Model, config: BaseModel) -> Iterator[Training]:
        """An MLflow run in the model's experiment that trains a version of it, beside its present champion."""
        settings = self.warehouse.settings
        with self._run(model.name, config, {FLAVOUR_TAG: flavour_of(settings)}) as mlflow:
            yield Training(mlflow, model, self._champion(model, mlflow), settings)

    @contextmanager
    def evaluation(self, table: Table, config: BaseModel) -> Iterator[Run]:
        """An MLflow run in the experiment of a table that measures what its function fits."""
        with self._run(table.name, config, {}) as mlflow:
            yield Run(mlflow)

    @contextmanager
    def _run(self, asset: str, config: BaseModel, tags: Mapping[str, str]) -> Iterator[Any]:
        """The module mlflow with a run that has the Dagster run, the parameters and the inputs' versions.

        dagster-mlflow starts it and ties it to the Dagster run. It leaves the run of a failed step running in this
        process and marks it finished in another one, hence the status is set here.
        """
        with ExitStack() as stack:
            with _one_start_at_a_time():
                _require_experiment(self.warehouse.settings, asset)
                mlflow = stack.enter_context(self._started_run(asset, tags))
            status = "FAILED"
            try:
                parents = self.warehouse.catalog.parents(asset)
                versions = {f"delta_version.{name}": self.warehouse.open(name).version() for name in parents}
                mlflow.log_params(config.model_dump() | versions)
                yield mlflow
                status = "FINISHED"
            finally:
                mlflow.end_run(status)

    def _champion(self, model: Model, mlflow: Any) -> Champion | None:
        """The champion to compare with; None if there is none, or if it is refused: then any version replaces it."""
        settings = self.warehouse.settings
        try:
            return champion(settings, model)
        except ModelRefused as error:
            dg.get_dagster_logger().warning(f"The champion is refused, so this version will replace it. {error}")
            mlflow.log_param(REFUSED_PARAM, required_champion(settings, model).version)
            return None

    @contextmanager
    def _started_run(self, asset: str, tags: Mapping[str, str]) -> Iterator[Any]:
        """dagster-mlflow's resource: the module mlflow with a run that has begun."""
        from dagster_mlflow import mlflow_tracking

        run = self.context.run
        assert run is not None, "an MLflow run belongs to a Dagster run"
        config = {
            "experiment_name": asset,
            "mlflow_tracking_uri": tracking_uri(self.warehouse.settings),
            "extra_tags": {"dagster_asset": asset, "dagster_job": run.job_name, **tags},
            "env": {},
        }
        with dg.build_resources(
            {"mlflow": mlflow_tracking},
            instance=self.context.instance,
            dagster_run=run,
            log_manager=self.context.log,
            resource_config={"mlflow": {"config": config}},
        ) as resources:
            yield resources.mlflow


class MlflowResource(dg.ConfigurableResource[Mlflow]):
    """MLflow for trainings and evaluations, through dagster-mlflow's resource."""

    warehouse: dg.ResourceDependency[Warehouse]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Mlflow]:
        """MLflow for the run of this context."""
        with imported_meanwhile(self.warehouse.settings):
            yield Mlflow(self.warehouse, context)


@contextmanager
def _one_start_at_a_time() -> Iterator[None]:
    """Let one MLflow run of this process start at a time, and restore its environment afterwards.

    MLflow's current experiment belongs to the process, not to the thread; and MLflow writes its address into the
    environment, where the next Settings would take it for the user's.
    """
    with _STARTING:
        before = os.environ.get(ADDRESS)
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
        is_local = settings.mlflow_tracking_uri is None
        mlflow.create_experiment(name, (artifacts(settings) / name).as_uri() if is_local else None)
