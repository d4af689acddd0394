"""gold_ml_evaluation: the figures of every version of every model, as MLflow has them."""

import dagster as dg
from pyspark.sql import DataFrame

from olist_assets.contracts.table import Column, Table
from olist_assets.ml.churn_model import CHURN_MODEL
from olist_assets.ml.repurchase_model import REPURCHASE_MODEL
from olist_assets.ml.segmentation_model import SEGMENTATION_MODEL
from olist_assets.mlops.registry import figures_of
from olist_assets.engine.spark.session import Spark
from olist_assets.settings import Settings

MODELS = (SEGMENTATION_MODEL, CHURN_MODEL, REPURCHASE_MODEL)

GOLD_ML_EVALUATION = Table(
    name="gold_ml_evaluation",
    in_layer="ml",
    description="Figures of each model version: what MLflow logged, as a table.",
    grain="One row per model, version, split and metric.",
    key=("model", "version", "split", "metric"),
    columns=(
        Column("model", "string", "The model; after a slash, another one that was compared with it."),
        Column("version", "int", "Version in the registry.", minimum=1),
        Column("split", "string", "Data measured on: `test`; the `champion` of then on it; a `sample`."),
        Column("metric", "string", "Name of the figure."),
        Column("value", "double", "The figure."),
        Column("mlflow_run_id", "string", "The training's MLflow run."),
    ),
)


@dg.asset(**GOLD_ML_EVALUATION.asset_args(), deps=[model.name for model in MODELS])
def gold_ml_evaluation(spark: Spark) -> DataFrame:
    """All figures of all versions."""
    rows = [figure for model in MODELS for figure in figures_of(Settings(), model)]
    types = ", ".join(f"{column.name} {column.type}" for column in GOLD_ML_EVALUATION.columns)
    return spark.session.createDataFrame(rows, types)
