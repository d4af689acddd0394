"""The metrics of all models as a table."""

from olist_assets.engine.choice import engine_of
from olist_assets.ml import gold_ml_evaluation as evaluation
from olist_assets.mlops.registry import Metric


def test_each_logged_metric_of_each_model_is_a_row(spark, warehouse, monkeypatch):
    logged = {
        model.name: [Metric(model.name, version, "test", model.metric, 0.5 + version / 10, f"run{version}")]
        for version, model in enumerate(evaluation.MODELS, start=1)
    }
    monkeypatch.setattr(evaluation, "metrics_of", lambda _, model: logged[model.name])
    rows = evaluation.gold_ml_evaluation(warehouse, engine_of(warehouse.settings))
    assert tuple(rows.columns) == evaluation.GOLD_ML_EVALUATION.column_names
    assert sorted(map(tuple, rows.collect())) == [
        ("churn_model", 2, "test", "auc_roc", 0.7, "run2"),
        ("repurchase_model", 3, "test", "auc_roc", 0.8, "run3"),
        ("segmentation_model", 1, "test", "silhouette", 0.6, "run1"),
    ]
