"""A model's files, as an MLflow flavor: written and read by Spark wherever it runs, stored by MLflow.

MLflow's own Spark flavor moves the files through this process's JVM, which a client of Spark Connect does not have.
The stored files have the same layout, so `mlflow.spark.load_model` and `mlflow.pyfunc` can read them.
"""

import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from pyspark import __version__ as spark_version
from pyspark.ml import PipelineModel
from upath import UPath

from olist_assets.settings import Settings

FILES, REQUIREMENTS, PYTHON = "sparkml", "requirements.txt", "python_env.yaml"


def save_model(
    path: str, mlflow_model: Model, pipeline: PipelineModel, signature: ModelSignature, settings: Settings
) -> None:
    """Write the pipeline and MLflow's description of it into a new folder; called by `Model.log`."""
    folder = Path(path)
    folder.mkdir(parents=True)
    _save(settings, pipeline, folder / FILES)
    # Stated, because MLflow would load the model in a second JVM to infer its imports.
    (folder / REQUIREMENTS).write_text(f"pyspark=={spark_version}\n")
    (folder / PYTHON).write_text(f"python: {platform.python_version()}\ndependencies:\n- -r {REQUIREMENTS}\n")
    mlflow_model.signature = signature
    mlflow_model.add_flavor(
        "spark",
        pyspark_version=spark_version,
        model_data=FILES,
        code=None,
        model_class=f"{PipelineModel.__module__}.{PipelineModel.__qualname__}",
    )
    pyfunc.add_to_model(mlflow_model, loader_module="mlflow.spark", data=FILES, python_env=PYTHON)
    mlflow_model.save(str(folder / "MLmodel"))


def load_model(settings: Settings, folder: str) -> PipelineModel:
    """The pipeline in a folder that `save_model` has written."""
    files = Path(folder, FILES)
    if not settings.is_in_object_store:
        return PipelineModel.load(str(files))
    with _shared_folder(settings) as place:
        place.fs.put(str(files), str(place), recursive=True)
        return PipelineModel.load(str(place))


def _save(settings: Settings, pipeline: PipelineModel, files: Path) -> None:
    if not settings.is_in_object_store:
        pipeline.save(str(files))
        return
    with _shared_folder(settings) as place:
        pipeline.save(str(place))
        place.fs.get(str(place), str(files), recursive=True)


@contextmanager
def _shared_folder(settings: Settings) -> Iterator[UPath]:
    """A temporary folder in the warehouse: Spark may run on machines that do not have this one's folders."""
    place = UPath(settings.warehouse_path / f".model-{uuid.uuid4().hex}")
    try:
        yield place
    finally:
        # If nothing was written there is nothing to remove, and an error here would hide the first one.
        with suppress(FileNotFoundError):
            place.fs.rm(str(place), recursive=True)
