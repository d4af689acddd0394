"""The Models page: versions and metrics from MLflow, calibration, score drift."""

import dagster as dg
import pytest

from olist_assets.catalog import catalog
from olist_assets.dashboard.models.data import calibration, plots, score_drift, versions
from olist_assets.dashboard.models.metrics import metric, metric_name
from olist_assets.engine.engine import Flavour
from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG, flavour_of
from olist_assets.mlops.registry import client
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.dashboard.conftest import evaluation, messages, report, shown, use

PREDICTIONS = "gold_customer_churn_predictions"


def test_page_without_models_shows_the_commands_and_creates_nothing(settings: Settings):
    found = messages(shown("models"))
    assert f"olist materialize --select {next(iter(catalog().models))}" in found
    assert f"olist materialize --select {PREDICTIONS}" in found
    assert not settings.warehouse_path.exists()


def test_registry_that_does_not_respond_is_one_message(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert "cannot be used" in messages(shown("models"))


def test_versions_metrics_and_calibration_of_a_whole_run(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch):
    settings = use(monkeypatch, finished.settings)
    (version,) = versions(settings, catalog().models["churn_model"])
    assert version.is_champion
    assert set(version.held_out) >= {"auc_roc", "brier"}
    assert not any(key.startswith(("customers", "base_rate")) for key in version.held_out)
    assert set(plots(settings, version.run_id)) >= {"calibration", "roc"}
    bins = calibration()
    assert len(bins) == 10
    assert bins["predicted"].is_monotonic_increasing
    app = shown("models", model="churn_model")
    assert list(app.dataframe[0].value["champion"]) == ["★"]
    values = {card.label: float(card.value) for card in app.metric}
    assert values["ROC AUC"] == pytest.approx(version.held_out["auc_roc"], abs=1e-4)
    assert app.dataframe[1].value["model"].str.startswith("churn_model").all()
    assert "Silhouette" in shown("models", model="segmentation_model").dataframe[0].value


def test_each_flavour_has_its_champion_and_the_metrics_are_those_of_the_engines_flavour(settings: Settings):
    model, own = catalog().models["churn_model"], flavour_of(settings)
    other: Flavour = "spark" if own == "sklearn" else "sklearn"
    mlflow = client(settings)
    mlflow.create_registered_model(model.name)
    experiment = mlflow.create_experiment(model.name, (settings.warehouse_path / "x").as_uri())
    held_out: dict[Flavour, float] = {own: 0.7, other: 0.9}
    for number, (flavour, value) in enumerate(held_out.items(), start=1):
        run = mlflow.create_run(experiment).info
        mlflow.log_metric(run.run_id, "test/auc_roc", value)
        mlflow.create_model_version(model.name, str(run.artifact_uri), run.run_id, tags={FLAVOUR_TAG: flavour})
        mlflow.set_registered_model_alias(model.name, CHAMPION_ALIASES[flavour], str(number))
    found = [(version.version, version.flavour, version.is_champion) for version in versions(settings, model)]
    assert found == [(1, own, True), (2, other, True)]
    app = shown("models", model=model.name)
    assert list(app.dataframe[0].value["flavour"]) == [other, own]
    assert [card.value for card in app.metric] == ["0.7000"]


def test_drift_has_the_evaluations_that_compared_two_versions(storage: dg.DagsterInstance):
    check = "churn_probability_is_stable"
    report(storage, evaluation(PREDICTIONS, check, passed=True, blocking=False))
    assert score_drift("churn_probability").empty
    report(storage, evaluation(PREDICTIONS, check, passed=False, blocking=False, psi=1, compared_with_version=3))
    found = score_drift("churn_probability")
    assert found[["psi", "compared_with_version"]].values.tolist() == [[1, 3]]
    assert score_drift("no_repurchase_probability").empty
    assert "There is nothing to compare yet" not in messages(shown("models", model="churn_model"))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("auc_roc", "ROC AUC"),
        ("precision_at_20", "Precision at 20 %"),
        ("calibration_error", "Expected calibration error"),
        ("repurchase_auc_pr", "PR AUC, repurchase"),
        ("of_a_later_release", "of a later release"),
    ],
)
def test_metrics_have_names(key, name):
    assert metric_name(key) == name


def test_lower_is_better_for_errors():
    assert not metric("brier").higher_is_better
    assert not metric("repurchase_calibration_error").higher_is_better
    assert metric("auc_roc").higher_is_better
