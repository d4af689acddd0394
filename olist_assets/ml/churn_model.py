"""churn_model: the classic churn model, whose label is a function of its first feature: see the check that says so."""

import dagster as dg
from pydantic import Field
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.feature import Imputer, VectorAssembler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.model import Model
from olist_assets.mlops.evaluation import figures, scores
from olist_assets.mlops.training_rows import buyers, in_fixed_order, is_trained_on, last_stage
from olist_assets.mlops.plots import classifier_plots, importances_plot
from olist_assets.mlops.registry import Trained
from olist_assets.mlops.tracking import Mlflow

# Counted as churned after so many days without an order.
CHURNED_AFTER_DAYS = 90
KEY, LABEL = "customer_unique_id", "is_churned"
FEATURES = (
    "recency_days", "frequency", "monetary_value", "avg_order_value", "avg_delivery_days", "avg_delivery_delay",
    "avg_review_score", "customer_lifetime_days", "total_items_purchased",
)  # fmt: skip
# Nobody knows the delivery of a parcel without a date, or the score of an order without a review: the median stands in.
MAY_BE_MISSING = ("avg_delivery_days", "avg_delivery_delay", "avg_review_score")

CHURN_MODEL = Model(
    name="churn_model",
    description=(
        f"Random forest for `{LABEL}` (recency_days > {CHURNED_AFTER_DAYS}). The label is a function of "
        "`recency_days`, which is also a feature: the AUC is near 1 by construction and says nothing of the future. "
        "For that: `repurchase_model`."
    ),
    figure="auc_roc",
    score="churn_probability",
    suspect="recency_days",
)


class ForestConfig(dg.Config):
    """A random forest and its split. Same data, same seed: same model."""

    trees: int = Field(default=100, ge=1, description="Trees of the forest.")
    depth: int = Field(default=5, ge=1, le=30, description="Most levels of a tree.")
    seed: int = Field(default=42, description="Of the split and of the trees' samples.")
    train_share: float = Field(default=0.8, gt=0, lt=1, description="Part of the customers trained on.")


@dg.asset(**CHURN_MODEL.asset_args())
def churn_model(
    context: dg.AssetExecutionContext, config: ForestConfig, mlflow: Mlflow, gold_customer_metrics: DataFrame
) -> Trained:
    """The forest on four fifths of the customers, tested on the others; once more without the suspect feature."""
    with (
        mlflow.training(context, CHURN_MODEL, config) as run,
        in_fixed_order(labelled(gold_customer_metrics), KEY) as customers,
    ):
        trained_on = is_trained_on(KEY, config.train_share, config.seed)
        train, held_out = customers.where(trained_on), customers.where(~trained_on)
        forest = pipeline(config, FEATURES).fit(train)
        tested = scores(forest.transform(held_out), LABEL)
        run.figures(figures(tested))
        honest = pipeline(config, tuple(name for name in FEATURES if name != CHURN_MODEL.suspect)).fit(train)
        run.figures(figures(scores(honest.transform(held_out), LABEL)), variant=f"without_{CHURN_MODEL.suspect}")
        if run.champion:
            run.against_champion(figures(scores(run.champion.pipeline.transform(held_out), LABEL)))
        weights = importances(forest)
        run.importances(weights)
        run.plots(classifier_plots(tested) | importances_plot(weights))
        return run.version(forest, FEATURES)


def labelled(customers: DataFrame) -> DataFrame:
    """The features and the label."""
    return buyers(customers, KEY, FEATURES).withColumn(LABEL, (F.col("recency_days") > CHURNED_AFTER_DAYS).cast("int"))


def pipeline(config: ForestConfig, names: tuple[str, ...]) -> Pipeline:
    """Medians for what is missing, and the forest."""
    known = {name: f"{name}_known" for name in names if name in MAY_BE_MISSING}
    return Pipeline(
        stages=[
            Imputer(inputCols=list(known), outputCols=list(known.values()), strategy="median"),
            VectorAssembler(inputCols=[known.get(name, name) for name in names], outputCol="features"),
            RandomForestClassifier(
                labelCol=LABEL, numTrees=config.trees, maxDepth=config.depth, seed=config.seed, featuresCol="features"
            ),
        ]
    )


def importances(forest: PipelineModel) -> dict[str, float]:
    """Gini importance of each feature, in sum 1 (Spark's featureImportances, after Hastie et al., 2009, 10.13.1)."""
    return dict(zip(FEATURES, map(float, last_stage(forest).featureImportances.toArray()), strict=True))
