"""A model's files, as a flavor of MLflow's: written and read by Spark wherever it runs, kept by MLflow.

MLflow's own Spark flavor moves the files through this process's JVM, which a client of Spark Connect does not have.
What is stored here has the same layout, so `mlflow.spark.load_model` and `mlflow.pyfunc` read it.
"""

import platform
from pathlib import Path

from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from pyspark import __version__ as spark_version
from pyspark.ml import PipelineModel

FILES, REQUIREMENTS, PYTHON = "sparkml", "requirements.txt", "python_env.yaml"


def save_model(path: str, mlflow_model: Model, pipeline: PipelineModel, signature: ModelSignature) -> None:
    """Write the pipeline and what MLflow must know of it into a new folder: what `Model.log` asks of a flavor."""
    folder = Path(path)
    folder.mkdir(parents=True)
    pipeline.write().overwrite().save(str(folder / FILES))
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
    return PipelineModel.load(str(Path(folder, FILES)))
