"""MLflow runs: one a training, through dagster-mlflow's resource, ended as the training ended."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import dagster as dg
from pyspark.ml import PipelineModel

from olist_assets.lakehouse.warehouse import warehouse as lakehouse
from olist_assets.contracts.model import Model
from olist_assets.mlops.registry import BEATEN, CHAMPION_PARAM, TESTED, Champion, Trained, champion, client, local_folder, registered, tracking_uri
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot

LOCAL_UI = "http://127.0.0.1:5000"
ADDRESS = "MLFLOW_TRACKING_URI"
_STARTING = Lock()


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
        from mlflow.models import Model as StoredModel
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        signature = ModelSignature(
            inputs=Schema([ColSpec(DataType.double, name) for name in features]),
            outputs=Schema([ColSpec(DataType.double, "prediction")]),
        )

        from olist_assets.mlops import model_files

        run = self._mlflow.active_run().info
        stored = StoredModel.log(
            artifact_path=None, name="model", flavor=model_files, pipeline=pipeline, signature=signature
        )
        version = registered(self._settings, self.model, stored.model_uri, run.run_id, stored.model_id)
        figures = self._mlflow.get_run(run.run_id).data.metrics
        url = run_url(self._settings, run.experiment_id, run.run_id)
        return Trained(self.model, version, pipeline, run.run_id, url, figures)


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
        with ExitStack() as stack:
            with _alone():
                settings = Settings()
                _require_experiment(settings, model.name)
                mlflow = stack.enter_context(_started(context, model, settings))
            status = "FAILED"
            try:
                parents = sorted(key.to_user_string() for key in context.assets_def.dependency_keys)
                versions = {f"delta_version.{name}": lakehouse.open_table(settings, name).version() for name in parents}
                mlflow.log_params(config.model_dump() | versions)
                yield Training(model, champion(settings, model), settings, mlflow)
                status = "FINISHED"
            finally:
                mlflow.end_run(status)


@contextmanager
def _started(context: dg.AssetExecutionContext, model: Model, settings: Settings) -> Iterator[Any]:
    """dagster-mlflow's resource, which is the module mlflow with a run that has begun."""
    from dagster_mlflow import mlflow_tracking

    tracked = {"experiment_name": model.name, "mlflow_tracking_uri": tracking_uri(settings)}
    tags = {"extra_tags": {"dagster_asset": model.name, "dagster_job": context.run.job_name}, "env": {}}
    with dg.build_resources(
        {"mlflow": mlflow_tracking},
        instance=context.instance,
        dagster_run=context.run,
        log_manager=context.log,
        resource_config={"mlflow": {"config": tracked | tags}},
    ) as resources:
        yield resources.mlflow


@contextmanager
def _alone() -> Iterator[None]:
    """One training of this process at a time, its environment afterwards as before.

    MLflow's experiment of now is the process's, not the thread's; and it writes its address into the environment,
    where the next Settings would take it for the user's.
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
        local = settings.mlflow_tracking_uri is None
        mlflow.create_experiment(name, (local_folder(settings) / "artifacts" / name).as_uri() if local else None)
