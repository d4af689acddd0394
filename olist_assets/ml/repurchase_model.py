"""repurchase_model: will a customer place no further order in the next 90 days? Asked of the past, tested on later."""

from datetime import date, timedelta

import dagster as dg
from pydantic import Field
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import Imputer, StandardScaler, VectorAssembler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from olist_assets.contracts.model import Model
from olist_assets.errors import OlistError
from olist_assets.mlops.evaluation import Scores, constant_scores, figures, scores
from olist_assets.mlops.training_rows import in_fixed_order, last_stage
from olist_assets.mlops.plots import classifier_plots, importances_plot
from olist_assets.ml.repurchase_features import FEATURES, KEY, LABEL, MAY_BE_MISSING, labelled, with_cutoff
from olist_assets.mlops.registry import Trained
from olist_assets.mlops.tracking import Mlflow

REPURCHASE_MODEL = Model(
    name="repurchase_model",
    description=(
        "Logistic regression for `has_no_order`: no further order within the horizon after a cutoff, from what was "
        "known before it. Trained at one cutoff, tested at a later one, beside a random forest and the baseline that "
        "nobody buys again."
    ),
    figure="auc_roc",
    score="no_repurchase_probability",
)


class RepurchaseConfig(dg.Config):
    """The horizon, and the models that are compared. Same data, same seed: same model."""

    horizon_days: int = Field(default=90, ge=1, description="Days after a cutoff in which an order counts.")
    regularization: float = Field(default=0.0, ge=0, description="Of the logistic regression (L2).")
    iterations: int = Field(default=100, ge=1, description="Most iterations of the logistic regression.")
    trees: int = Field(default=100, ge=1, description="Trees of the forest beside it.")
    depth: int = Field(default=5, ge=1, le=30, description="Most levels of a tree.")
    seed: int = Field(default=42, description="Of the trees' samples.")


@dg.asset(**REPURCHASE_MODEL.asset_args())
def repurchase_model(
    context: dg.AssetExecutionContext,
    config: RepurchaseConfig,
    mlflow: Mlflow,
    silver_orders_master: DataFrame,
    silver_order_reviews: DataFrame,
) -> Trained:
    """Trained on what was known one horizon before the test's cutoff, whose labels end with the data."""
    with mlflow.training(context, REPURCHASE_MODEL, config) as run:
        cutoffs = train_at, test_at = cutoffs_of(silver_orders_master, config.horizon_days)
        run.params({"train_cutoff": str(train_at), "test_cutoff": str(test_at)})
        train, test = (
            labelled(with_cutoff(silver_orders_master, cutoff), silver_order_reviews, config.horizon_days)
            for cutoff in cutoffs
        )
        with in_fixed_order(train, KEY) as train, in_fixed_order(test, KEY) as test:
            regression = pipeline(logistic_regression(config), train)
            tested = scores(regression.transform(test), LABEL)
            run.figures(both_ways(tested))
            forest = pipeline(random_forest(config), train)
            run.figures(both_ways(scores(forest.transform(test), LABEL)), variant="random_forest")
            run.figures(both_ways(constant_scores(tested, 1.0)), variant="nobody_buys_again")
            if run.champion:
                run.against_champion(both_ways(scores(run.champion.pipeline.transform(test), LABEL)))
        weights = importances(regression)
        run.importances(weights)
        run.plots(classifier_plots(tested.inverted()) | importances_plot(weights))
        return run.version(regression, FEATURES)


def cutoffs_of(orders: DataFrame, horizon_days: int) -> tuple[date, date]:
    """The cutoffs to train and to test at, so that the test's horizon ends with the last order's day.

    The training's horizon ends at the test's cutoff: no label of the one is a feature of the other. Raises OlistError
    where the orders do not reach back so far.
    """
    first, last = orders.agg(F.min("order_date"), F.max("order_date")).first() or (None, None)
    if last is None or (last - first).days < 2 * horizon_days:
        raise OlistError(
            f"repurchase_model needs orders over more than twice its horizon of {horizon_days} days; "
            f"silver_orders_master has {first} to {last}. Make more days of it, or shorten horizon_days."
        )
    test_at = last + timedelta(1) - timedelta(horizon_days)
    return test_at - timedelta(horizon_days), test_at


def both_ways(of: Scores) -> dict[str, float]:
    """Figures for no further order and, as `repurchase_...`, for one: the rare event, whose lift and AUC-PR matter."""
    return figures(of) | {f"repurchase_{name}": value for name, value in figures(of.inverted()).items()}


def pipeline(classifier: LogisticRegression | RandomForestClassifier, train: DataFrame) -> PipelineModel:
    """Fitted: medians for what is missing, features on one scale, the classifier."""
    known = {name: f"{name}_known" for name in FEATURES if name in MAY_BE_MISSING}
    stages = [
        Imputer(inputCols=list(known), outputCols=list(known.values()), strategy="median"),
        VectorAssembler(inputCols=[known.get(name, name) for name in FEATURES], outputCol="raw_features"),
        StandardScaler(inputCol="raw_features", outputCol="features", withMean=True),
        classifier,
    ]
    return Pipeline(stages=stages).fit(train)


def logistic_regression(config: RepurchaseConfig) -> LogisticRegression:
    return LogisticRegression(
        labelCol=LABEL, maxIter=config.iterations, regParam=config.regularization, standardization=False
    )


def random_forest(config: RepurchaseConfig) -> RandomForestClassifier:
    return RandomForestClassifier(labelCol=LABEL, numTrees=config.trees, maxDepth=config.depth, seed=config.seed)


def importances(regression: PipelineModel) -> dict[str, float]:
    """Size of each standardised feature's coefficient."""
    return dict(zip(FEATURES, map(float, abs(last_stage(regression).coefficients.toArray())), strict=True))
