"""The champions of the models: which version scores. They follow one rule, hence one factory."""

from collections.abc import Callable

from olist_assets.contracts.marks import Resource, promotion_asset
from olist_assets.contracts.model import Model, Promotion
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.churn_model import CHURN_MODEL
from olist_assets.ml.repurchase_model import REPURCHASE_MODEL
from olist_assets.ml.segmentation_model import SEGMENTATION_MODEL
from olist_assets.mlops.promotion import Comparison, promote


def champion_function(model: Model) -> Callable[..., Comparison]:
    """The function that promotes the newest version of a model if it is at least as good as its champion."""
    promotion = Promotion(model)

    @promotion_asset(promotion)
    def champion(warehouse: Resource[Warehouse]) -> Comparison:
        return promote(warehouse.settings, model)

    champion.__name__ = champion.__qualname__ = promotion.name
    champion.__doc__ = (
        f"The version of {model.name} that scores: the newest one if its held-out {model.metric} is not below the "
        "champion's on the same data."
    )
    return champion


FUNCTIONS = tuple(champion_function(model) for model in (SEGMENTATION_MODEL, CHURN_MODEL, REPURCHASE_MODEL))
