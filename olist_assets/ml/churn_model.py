"""churn_model: the classic churn model. Its label is a function of a feature, recency_days, which a check reports."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import Resource, model_asset
from olist_assets.contracts.model import Model
from olist_assets.mlops.evaluation import metrics, scores
from olist_assets.mlops.plots import classifier_plots, importances_plot
from olist_assets.mlops.registry import Trained
from olist_assets.mlops.training_rows import buyers, is_trained_on

if TYPE_CHECKING:
    from olist_assets.mlops.estimators.interface import Estimator, Estimators
    from olist_assets.mlops.tracking import Mlflow

# Days without an order after which a customer counts as churned.
CHURNED_AFTER_DAYS = 90
KEY, LABEL = "customer_unique_id", "is_churned"
FEATURES = (
    "recency_days", "frequency", "monetary_value", "avg_order_value", "avg_delivery_days", "avg_delivery_delay",
    "avg_review_score", "customer_lifetime_days", "total_items_purchased",
)  # fmt: skip
# Unknown for an order without a delivery date or a review: replaced by the median.
MAY_BE_MISSING = ("avg_delivery_days", "avg_delivery_delay", "avg_review_score")

CHURN_MODEL = Model(
    name="churn_model",
    description=(
        f"Random forest for `{LABEL}` (recency_days > {CHURNED_AFTER_DAYS}). The label is a function of "
        "`recency_days`, which is also a feature: the AUC is near 1 by construction and says nothing about the future. "
        "See `repurchase_model` for that."
    ),
    metric="auc_roc",
    score="churn_probability",
    leak_suspect="recency_days",
)


class ForestConfig(BaseModel):
    """A random forest and its split. The same data and seed give the same model."""

    trees: int = Field(default=100, ge=1, description="Number of trees.")
    depth: int = Field(default=5, ge=1, le=30, description="Maximum depth of a tree.")
    seed: int = Field(default=42, description="Seed of the split and of the trees' samples.")
    train_share: float = Field(default=0.8, gt=0, lt=1, description="Share of the customers to train on.")


@model_asset(CHURN_MODEL)
def churn_model(mlflow: Resource["Mlflow"], config: ForestConfig, gold_customer_metrics: DataFrame) -> Trained:
    """A forest trained on a share of the customers and tested on the others; a second one lacks the suspect feature."""
    with (
        mlflow.training(CHURN_MODEL, config) as run,
        run.estimators.in_fixed_order(labelled(gold_customer_metrics), KEY) as customers,
    ):
        trained_on = is_trained_on(KEY, config.train_share, config.seed)
        train, held_out = customers.where(trained_on), customers.where(~trained_on)
        forest = estimator(run.estimators, config, FEATURES).fit(train)
        tested = scores(forest.score(held_out), LABEL)
        run.log_metrics(metrics(tested))
        without_suspect = tuple(name for name in FEATURES if name != CHURN_MODEL.leak_suspect)
        honest = estimator(run.estimators, config, without_suspect).fit(train)
        honest_metrics = metrics(scores(honest.score(held_out), LABEL))
        run.log_metrics(honest_metrics, variant=f"without_{CHURN_MODEL.leak_suspect}")
        if run.champion:
            run.log_champion_metrics(metrics(scores(run.champion.score(held_out), LABEL)))
        weights = forest.feature_importances()
        run.log_importances(weights)
        run.log_plots(classifier_plots(tested) | importances_plot(weights))
        return run.register(forest)


def labelled(customers: DataFrame) -> DataFrame:
    """Customers with a delivered order: id, features and label."""
    return buyers(customers, KEY, FEATURES).withColumn(LABEL, (F.col("recency_days") > CHURNED_AFTER_DAYS).cast("int"))


def estimator(estimators: "Estimators", config: ForestConfig, features: tuple[str, ...]) -> "Estimator":
    """An untrained forest over the given features."""
    return estimators.random_forest(
        features, MAY_BE_MISSING, label=LABEL, trees=config.trees, depth=config.depth, seed=config.seed
    )
