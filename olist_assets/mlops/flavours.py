"""The two flavours of models: which one the settings choose, and its estimators.

The libraries are imported where they are used: together three seconds, which commands about tables do not need.
"""

from collections.abc import Mapping

from olist_assets.engine.choice import engine_of
from olist_assets.engine.engine import Flavour
from olist_assets.mlops.estimators.interface import Estimators
from olist_assets.mlops.estimators.scikit_learn import ScikitLearnEstimators
from olist_assets.mlops.estimators.spark_ml import SparkEstimators
from olist_assets.settings import Settings

ESTIMATORS: Mapping[Flavour, Estimators] = {"sklearn": ScikitLearnEstimators(), "spark": SparkEstimators()}
CHAMPION_ALIASES: Mapping[Flavour, str] = {"sklearn": "sklearn_champion", "spark": "champion"}
"""Champions are compared within a flavour, so each flavour has its own; Spark's keeps its older name."""
FLAVOUR_TAG = "flavour"


def flavour_of(settings: Settings) -> Flavour:
    """The flavour of the engine that the settings choose."""
    return engine_of(settings).flavour


def estimators_of(settings: Settings) -> Estimators:
    """The estimators of the engine that the settings choose."""
    return ESTIMATORS[flavour_of(settings)]


def tagged_flavour(tags: Mapping[str, str]) -> Flavour:
    """The flavour of a version in the registry by its tags; versions from before there were two are Spark's."""
    return "sklearn" if tags.get(FLAVOUR_TAG) == "sklearn" else "spark"
