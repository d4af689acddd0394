"""A warehouse that was copied elsewhere: MLflow's files are found beside its database."""

import shutil
from pathlib import Path

from mlflow.artifacts import download_artifacts

from olist_assets.mlops.places import artifacts, tracking_uri
from olist_assets.mlops.registry import client
from olist_assets.settings import Settings
from olist_assets_tests.mlops.conftest import MODEL


def logged(settings: Settings, text: str) -> str:
    """Log a file in a run and register it as a version; returns the run's id."""
    mlflow = client(settings)
    experiment = mlflow.get_experiment_by_name(MODEL.name)
    number = (
        experiment.experiment_id
        if experiment
        else mlflow.create_experiment(MODEL.name, (artifacts(settings) / MODEL.name).as_uri())
    )
    run = mlflow.create_run(str(number)).info
    mlflow.log_text(run.run_id, text, "model.txt")
    if not experiment:
        mlflow.create_registered_model(MODEL.name)
    mlflow.create_model_version(MODEL.name, f"{run.artifact_uri}/model.txt", run.run_id)
    return run.run_id


def read(settings: Settings, version: int) -> str:
    stored = client(settings).get_model_version_download_uri(MODEL.name, str(version))
    return Path(download_artifacts(stored, tracking_uri=tracking_uri(settings))).read_text()


def test_copy_whose_original_is_gone_reads_its_own_files_and_writes_there(tracked: Settings, tmp_path: Path):
    logged(tracked, "first")
    copy = tracked.model_copy(update={"warehouse": str(tmp_path / "a copy's 100%")})
    shutil.copytree(tracked.warehouse_path, copy.warehouse_path)
    shutil.rmtree(tracked.warehouse_path)
    assert read(copy, 1) == "first"
    logged(copy, "second")
    assert read(copy, 2) == "second"
    assert not tracked.warehouse_path.exists()


def test_copy_does_not_touch_the_original(tracked: Settings, tmp_path: Path):
    logged(tracked, "first")
    copy = tracked.model_copy(update={"warehouse": str(tmp_path / "copy")})
    shutil.copytree(tracked.warehouse_path, copy.warehouse_path)
    (file,) = artifacts(copy).rglob("model.txt")
    file.write_text("of the copy")
    assert (read(copy, 1), read(tracked, 1)) == ("of the copy", "first")
