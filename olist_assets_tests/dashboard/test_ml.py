import pytest

from olist_assets.catalog import models
from olist_assets.dashboard import ml_data
from olist_assets.settings import Settings
from olist_assets_tests.conftest import FinishedRun
from olist_assets_tests.dashboard.conftest import evaluation, report, said, shown

PREDICTIONS = "gold_customer_churn_predictions"


def test_nothing_trained_tells_what_to_do_and_makes_nothing(settings: Settings):
    told = said(shown("ml"))
    assert f"olist materialize --select {next(iter(models()))}" in told
    assert f"olist materialize --select {PREDICTIONS}" in told
    assert not settings.warehouse_path.exists()


def test_registry_that_does_not_answer_is_one_message(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert "cannot be used" in said(shown("ml"))


def test_versions_figures_and_calibration_of_a_whole_run(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch):
    settings = finished.use(monkeypatch)
    version = ml_data.versions_of(settings, models()["churn_model"])[0]
    assert version.is_champion
    assert set(version.tested) >= {"auc_roc", "brier"}
    assert not any(name.startswith(("customers", "base_rate")) for name in version.tested)
    assert set(ml_data.plots("", version.run_id)) >= {"calibration", "roc"}
    parts = ml_data.calibration()
    assert len(parts) == 10
    assert parts["predicted"].is_monotonic_increasing
    app = shown("ml", model="churn_model")
    assert list(app.dataframe[0].value["champion"]) == ["★"]
    assert float(app.metric[0].value) == pytest.approx(version.tested["auc_roc"], abs=1e-4)
    assert app.dataframe[1].value["model"].str.startswith("churn_model").all()
    assert "silhouette" in shown("ml", model="segmentation_model").dataframe[0].value


def test_drift_over_time_has_the_evaluations_that_compared_two_versions(settings: Settings):
    check = "churn_probability_is_stable"
    report(evaluation(PREDICTIONS, check, passed=True, blocking=False))
    assert ml_data.drift("churn_probability").empty
    report(evaluation(PREDICTIONS, check, passed=False, blocking=False, psi=1, compared_with_version=3))
    found = ml_data.drift("churn_probability")
    assert found[["psi", "compared_with_version"]].values.tolist() == [[1, 3]]
    assert ml_data.drift("no_repurchase_probability").empty
    assert "There is nothing to compare yet" not in said(shown("ml", model="churn_model"))
