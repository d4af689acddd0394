"""The libraries of trainings are imported while a run begins, and an error of that is left to the training."""

import os
import subprocess
import sys

import pytest

from olist_assets.mlops.estimators.scikit_learn import ScikitLearnEstimators
from olist_assets.mlops.libraries import OF_EVERY_TRAINING, imported_meanwhile
from olist_assets.mlops.places import DATABASE, local_folder
from olist_assets.settings import Settings
from olist_assets_tests.conftest import PROJECT, environment

NEW_PROCESS = """
import sys
from olist_assets.mlops.libraries import imported_meanwhile
from olist_assets.settings import Settings
print(len({"mlflow", "sklearn", "skops", "matplotlib"} & set(sys.modules)))
with imported_meanwhile(Settings()):
    pass
print(*sys.modules)
"""


def test_a_training_finds_its_libraries_imported_and_mlflow_opened(settings):
    env = os.environ | environment(settings) | {"OLIST_ENGINE": "sail"}
    command = [sys.executable, "-W", "ignore", "-c", NEW_PROCESS]
    output = subprocess.run(command, env=env, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    before, after = output.splitlines()
    assert before == "0"
    assert {*OF_EVERY_TRAINING, *ScikitLearnEstimators.libraries, "mlflow.store.tracking.sqlalchemy_store"} <= {
        *after.split()
    }
    assert (local_folder(settings) / DATABASE).exists()


def test_an_error_is_left_to_the_training(tmp_path):
    (tmp_path / "warehouse").write_text("a file where the warehouse's folder should be")
    with imported_meanwhile(Settings(warehouse=str(tmp_path / "warehouse"))):
        pass


def test_the_run_ends_after_the_thread(settings):
    with pytest.raises(KeyboardInterrupt), imported_meanwhile(settings):
        raise KeyboardInterrupt
    assert (local_folder(settings) / DATABASE).exists()
