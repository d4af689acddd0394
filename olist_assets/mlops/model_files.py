"""A model's files as MLflow stores them, with the signature that names its features; an MLflow flavor."""

from pathlib import Path
from typing import TYPE_CHECKING

from olist_assets.mlops.estimators.interface import FittedModel
from olist_assets.mlops.stored_files import DIGEST, digest_of
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.models import Model as StoredModel


def save_model(
    path: str, mlflow_model: "StoredModel", fitted: FittedModel, settings: Settings, record: dict[str, str]
) -> None:
    """Write a model and MLflow's description of it into a new folder; called by MLflow's `Model.log`.

    The digest goes into `record`: it must be that of the files before anybody else could change them.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    folder = Path(path)
    folder.mkdir(parents=True)
    mlflow_model.signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.double, name) for name in fitted.features]),
        outputs=Schema([ColSpec(DataType.double, "prediction")]),
    )
    fitted.save(folder, mlflow_model, settings)
    mlflow_model.save(str(folder / "MLmodel"))
    record[DIGEST] = digest_of(folder)
