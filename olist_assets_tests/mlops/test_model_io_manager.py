"""What a training and a promotion report to Dagster, and which model a reader gets. Without Spark."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from olist_assets.contracts.model import Promotion
from olist_assets.engine.resources import WarehouseResource
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.churn_model import CHURN_MODEL
from olist_assets.mlops import model_io_manager
from olist_assets.mlops.model_io_manager import ModelIOManager
from olist_assets.mlops.promotion import promote
from olist_assets.mlops.registry import Trained

CHAMPION = dg.AssetKey(Promotion(CHURN_MODEL).name)
TRAINED: Any = object()


@pytest.fixture
def models(tracked, warehouse) -> Iterator[ModelIOManager]:
    of_warehouse = WarehouseResource.of(Warehouse(tracked, warehouse.catalog))
    with dg.build_resources({"models": ModelIOManager(warehouse=of_warehouse)}) as resources:
        yield resources.models


def reported(models: ModelIOManager, result: Any, name: str) -> dict[str, Any]:
    context = dg.build_output_context(asset_key=dg.AssetKey(name))
    models.handle_output(context, result)
    metadata = context.consume_logged_metadata()
    return {key: getattr(value, "value", value) for key, value in metadata.items()}


def trained(version: int) -> Trained:
    metrics = {"test/auc_roc": 0.7, "champion/auc_roc": 0.6, "random_forest/test/auc_roc": 0.5}
    return Trained(CHURN_MODEL, version, TRAINED, "run", "http://server/run", metrics)


def test_a_training_reports_its_version_its_run_and_its_held_out_metrics(models):
    assert reported(models, trained(3), CHURN_MODEL.name) == {
        "model_version": 3,
        "mlflow_run_id": "run",
        "mlflow_run": "http://server/run",
        "test/auc_roc": 0.7,
    }


def test_a_promotion_reports_the_comparison_and_the_decision(models, tracked, register):
    register(0.7, model=CHURN_MODEL)
    assert reported(models, promote(tracked, CHURN_MODEL), CHAMPION.to_user_string()) == {
        "version": 1,
        "held_out_auc_roc": 0.7,
        "decision": "promoted",
        "champion_version": "none",
        "champion_held_out_auc_roc": "none",
    }


def test_a_reader_gets_the_champion_and_not_the_newest_version(models, tracked, register, monkeypatch):
    monkeypatch.setattr(model_io_manager, "load", lambda _, version: f"files of version {version.version}")
    register(0.7, model=CHURN_MODEL)
    promote(tracked, CHURN_MODEL)
    register(0.6, 0.7, model=CHURN_MODEL)
    promote(tracked, CHURN_MODEL)
    models.handle_output(dg.build_output_context(asset_key=dg.AssetKey(CHURN_MODEL.name)), trained(2))
    read = models.load_input(dg.build_input_context(asset_key=CHAMPION))
    assert (read.version, read.fitted) == (1, "files of version 1")


def test_a_champion_trained_in_this_process_is_not_read_back(models, tracked, register, monkeypatch):
    monkeypatch.setattr(model_io_manager, "load", lambda *_: pytest.fail("read from MLflow"))
    register(0.7, model=CHURN_MODEL)
    promote(tracked, CHURN_MODEL)
    models.handle_output(dg.build_output_context(asset_key=dg.AssetKey(CHURN_MODEL.name)), trained(1))
    read = models.load_input(dg.build_input_context(asset_key=CHAMPION))
    assert (read.version, read.fitted) == (1, TRAINED)


def test_without_a_champion_a_reader_is_told_how_to_make_one(models):
    with pytest.raises(OlistError, match="--select churn_model,churn_model_champion"):
        models.load_input(dg.build_input_context(asset_key=CHAMPION))
