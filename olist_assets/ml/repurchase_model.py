"""repurchase_model: whether a customer places no order in the next 90 days, trained and tested at two cutoffs."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.marks import Resource, model_asset
from olist_assets.contracts.model import Model
from olist_assets.errors import OlistError
from olist_assets.ml.repurchase_features import FEATURES, KEY, LABEL, MAY_BE_MISSING, labelled, with_cutoff
from olist_assets.mlops.evaluation import Scores, constant_scores, metrics, scores
from olist_assets.mlops.plots import classifier_plots, importances_plot
from olist_assets.mlops.registry import Trained

if TYPE_CHECKING:
    from olist_assets.mlops.estimators.interface import Estimator, Estimators
    from olist_assets.mlops.tracking import Mlflow

REPURCHASE_MODEL = Model(
    name="repurchase_model",
    description=(
        "Logistic regression for `has_no_order`: no further order within the horizon after a cutoff, from what was "
        "known before it. Trained at one cutoff, tested at a later one, and compared with a random forest and with "
        "the baseline that nobody buys again."
    ),
    metric="auc_roc",
    score="no_repurchase_probability",
)


class RepurchaseConfig(BaseModel):
    """The horizon, and the models that are compared. The same data and seed give the same model."""

    horizon_days: int = Field(default=90, ge=1, description="Days after a cutoff in which an order counts.")
    regularization: float = Field(default=0.0, ge=0, description="L2 penalty of the logistic regression.")
    iterations: int = Field(default=100, ge=1, description="Maximum iterations of the logistic regression.")
    trees: int = Field(default=100, ge=1, description="Number of trees of the compared forest.")
    depth: int = Field(default=5, ge=1, le=30, description="Maximum depth of a tree.")
    seed: int = Field(default=42, description="Seed of the trees' samples.")


@model_asset(REPURCHASE_MODEL)
def repurchase_model(
    mlflow: Resource["Mlflow"],
    config: RepurchaseConfig,
    silver_orders_master: DataFrame,
    silver_order_reviews: DataFrame,
) -> Trained:
    """A regression trained at a cutoff one horizon before the test's, whose own horizon ends with the last order."""
    with mlflow.training(REPURCHASE_MODEL, config) as run:
        cutoffs = train_at, test_at = cutoffs_of(silver_orders_master, config.horizon_days)
        run.log_params({"train_cutoff": str(train_at), "test_cutoff": str(test_at)})
        train, test = (
            labelled(with_cutoff(silver_orders_master, cutoff), silver_order_reviews, config.horizon_days)
            for cutoff in cutoffs
        )
        in_fixed_order = run.estimators.in_fixed_order
        with in_fixed_order(train, KEY) as train, in_fixed_order(test, KEY) as test:
            regression = regression_estimator(run.estimators, config).fit(train)
            tested = scores(regression.score(test), LABEL)
            run.log_metrics(both_ways(tested))
            forest = forest_estimator(run.estimators, config).fit(train)
            run.log_metrics(both_ways(scores(forest.score(test), LABEL)), variant="random_forest")
            run.log_metrics(both_ways(constant_scores(tested, 1.0)), variant="nobody_buys_again")
            if run.champion:
                run.log_champion_metrics(both_ways(scores(run.champion.score(test), LABEL)))
        weights = regression.coefficient_sizes()
        run.log_importances(weights)
        run.log_plots(classifier_plots(tested.inverted()) | importances_plot(weights))
        return run.register(regression)


def cutoffs_of(orders: DataFrame, horizon_days: int) -> tuple[date, date]:
    """The cutoffs of training and test; the test's horizon ends with the last order's day.

    The training's horizon ends at the test's cutoff, so that no label of one is a feature of the other. Raises
    OlistError if the orders do not reach back that far.
    """
    first, last = orders.agg(F.min("order_date"), F.max("order_date")).first() or (None, None)
    if last is None or (last - first).days < 2 * horizon_days:
        raise OlistError(
            f"repurchase_model needs orders over more than twice its horizon of {horizon_days} days; "
            f"silver_orders_master has {first} to {last}. Materialize more of its days, or shorten horizon_days."
        )
    test_at = last + timedelta(1) - timedelta(horizon_days)
    return test_at - timedelta(horizon_days), test_at


def both_ways(of: Scores) -> dict[str, float]:
    """Metrics for the label and, as `repurchase_...`, for its opposite: a rare event, so lift and PR AUC matter."""
    return metrics(of) | {f"repurchase_{name}": value for name, value in metrics(of.inverted()).items()}


def regression_estimator(estimators: "Estimators", config: RepurchaseConfig) -> "Estimator":
    """The logistic regression that is registered."""
    return estimators.logistic_regression(
        FEATURES, MAY_BE_MISSING, label=LABEL, iterations=config.iterations, regularization=config.regularization
    )


def forest_estimator(estimators: "Estimators", config: RepurchaseConfig) -> "Estimator":
    """The forest that the model is compared with."""
    return estimators.random_forest(
        FEATURES, MAY_BE_MISSING, label=LABEL, trees=config.trees, depth=config.depth, seed=config.seed, scaled=True
    )
