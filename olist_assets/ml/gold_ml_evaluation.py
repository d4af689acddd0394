"""gold_ml_evaluation: the metrics of every version of every model, as logged in MLflow."""

from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from olist_assets.contracts.marks import Resource, table_asset
from olist_assets.contracts.table import Column, Table
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.churn_model import CHURN_MODEL
from olist_assets.ml.repurchase_model import REPURCHASE_MODEL
from olist_assets.ml.segmentation_model import SEGMENTATION_MODEL
from olist_assets.mlops.registry import metrics_of

if TYPE_CHECKING:
    from olist_assets.engine.engine import Engine

MODELS = (SEGMENTATION_MODEL, CHURN_MODEL, REPURCHASE_MODEL)

GOLD_ML_EVALUATION = Table(
    name="gold_ml_evaluation",
    in_layer="ml",
    description="Metrics of each model version as logged in MLflow.",
    grain="One row per model, version, split and metric.",
    key=("model", "version", "split", "metric"),
    columns=(
        Column("model", "string", "Name of the model; after a slash, the variant that the version was compared with."),
        Column("version", "int", "Version of the model in the registry.", minimum=1),
        Column(
            "split",
            "string",
            "Data of the measurement: `test`; `champion` for the champion at the time on the same data; `sample`.",
        ),
        Column("metric", "string", "Name of the metric."),
        Column("value", "double", "Value of the metric."),
        Column("mlflow_run_id", "string", "Identifier of the MLflow run that trained the version.", is_volatile=True),
    ),
)


@table_asset(GOLD_ML_EVALUATION, after=MODELS)
def gold_ml_evaluation(warehouse: Resource[Warehouse], engine: Resource["Engine"]) -> DataFrame:
    """The metrics of all versions of all models."""
    rows = [metric for model in MODELS for metric in metrics_of(warehouse.settings, model)]
    types = ", ".join(f"{column.name} {column.type}" for column in GOLD_ML_EVALUATION.columns)
    return engine.session.createDataFrame(rows, types)
