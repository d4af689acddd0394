"""A model's files, as a flavor of MLflow's: written and read by Spark wherever it runs, kept by MLflow.

MLflow's own Spark flavor moves the files through this process's JVM, which a client of Spark Connect does not have.
What is stored here has the same layout, so `mlflow.spark.load_model` and `mlflow.pyfunc` read it.
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


def save_model(path: str, mlflow_model: Model, pipeline: PipelineModel, signature: ModelSignature) -> None:
    """Write the pipeline and what MLflow must know of it into a new folder: what `Model.log` asks of a flavor."""
    folder = Path(path)
    folder.mkdir(parents=True)
    _save(pipeline, folder / FILES)
    # Named, not inferred: MLflow would load the model in a second JVM to find out what it imports.
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


def load_model(folder: str) -> PipelineModel:
    """The pipeline of a folder that `save_model` filled."""
    files = Path(folder, FILES)
    if not Settings().is_in_object_store:
        return PipelineModel.load(str(files))
    with _within_reach() as place:
        place.fs.put(str(files), str(place), recursive=True)
        return PipelineModel.load(str(place))


def _save(pipeline: PipelineModel, files: Path) -> None:
    if not Settings().is_in_object_store:
        pipeline.save(str(files))
        return
    with _within_reach() as place:
        pipeline.save(str(place))
        place.fs.get(str(place), str(files), recursive=True)


@contextmanager
def _within_reach() -> Iterator[UPath]:
    """A place in the warehouse, for a while: Spark may run where this machine's folders are not."""
    place = UPath(Settings().warehouse_path / f".model-{uuid.uuid4().hex}")
    try:
        yield place
    finally:
        # Where nothing was written there is nothing to take away, and the reason must not be hidden.
        with suppress(FileNotFoundError):
            place.fs.rm(str(place), recursive=True)
