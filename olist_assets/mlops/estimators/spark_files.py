"""A pipeline's files: written and read by Spark wherever it runs, stored by MLflow.

MLflow's own Spark flavor moves the files through this process's JVM, which a client of Spark Connect does not have.
The stored files have the same layout, so MLflow's tools can read them.
"""

import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from upath import UPath

from olist_assets.mlops.estimators.spark_layout import require_our_pipeline
from olist_assets.mlops.model_refused import ModelRefused
from olist_assets.paths import plain_path
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.models import Model as StoredModel
    from pyspark.ml import PipelineModel

FILES, REQUIREMENTS, PYTHON = "sparkml", "requirements.txt", "python_env.yaml"


def save(folder: Path, stored: "StoredModel", pipeline: "PipelineModel", settings: Settings) -> None:
    """Write a pipeline into an existing folder, and what it is into MLflow's description."""
    from mlflow import pyfunc
    from pyspark import __version__ as spark_version

    _write(settings, pipeline, folder / FILES)
    # Stated, because MLflow would load the model in a second JVM to infer its imports.
    (folder / REQUIREMENTS).write_text(f"pyspark=={spark_version}\n")
    (folder / PYTHON).write_text(f"python: {platform.python_version()}\ndependencies:\n- -r {REQUIREMENTS}\n")
    kind = type(pipeline)
    stored.add_flavor(
        "spark",
        pyspark_version=spark_version,
        model_data=FILES,
        code=None,
        model_class=f"{kind.__module__}.{kind.__qualname__}",
    )
    pyfunc.add_to_model(stored, loader_module="mlflow.spark", data=FILES, python_env=PYTHON)


def load(folder: Path, settings: Settings) -> "PipelineModel":
    """The pipeline in a folder that `save` has written. Raises ModelRefused for any other."""
    files = folder / FILES
    require_our_pipeline(files)
    if not settings.is_in_object_store:
        return _read(plain_path(files))
    with _shared_folder(settings) as place:
        place.fs.put(str(files), str(place), recursive=True)
        return _read(str(place))


def _read(path: str) -> "PipelineModel":
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.ml import PipelineModel

    try:
        return PipelineModel.load(path)
    except (PySparkException, Py4JError) as error:
        raise ModelRefused(f"Spark cannot read the files of the model: {str(error).splitlines()[0]}") from error


def _write(settings: Settings, pipeline: "PipelineModel", files: Path) -> None:
    if not settings.is_in_object_store:
        pipeline.save(plain_path(files))
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
