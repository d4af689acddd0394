"""Each model has a champion, whose function promotes the model's newest version."""

from olist_assets.contracts.marks import contract_of, runs_after
from olist_assets.contracts.model import Promotion
from olist_assets.ml import champions


def test_each_model_has_a_champion_that_is_decided_after_its_training(tables):
    found = {function.__name__: function for function in champions.FUNCTIONS}
    assert set(found) == {"segmentation_model_champion", "churn_model_champion", "repurchase_model_champion"}
    assert {promotion.model.name for promotion in tables.promotions.values()} == set(tables.models)
    for name, function in found.items():
        promotion = contract_of(function)
        assert isinstance(promotion, Promotion)
        assert (promotion.name, runs_after(function)) == (name, (promotion.model.name,))
        assert promotion.model.metric in str(function.__doc__)


def test_a_champions_function_promotes_its_own_model(warehouse, monkeypatch):
    promoted = []
    monkeypatch.setattr(champions, "promote", lambda settings, model: promoted.append((settings, model.name)))
    for function in champions.FUNCTIONS:
        function(warehouse)
    names = ("segmentation_model", "churn_model", "repurchase_model")
    assert promoted == [(warehouse.settings, name) for name in names]
