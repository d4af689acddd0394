"""Promotion: which version becomes champion, decided once per version. Without Spark."""

import pytest

from olist_assets.errors import OlistError
from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG
from olist_assets.mlops.promotion import DECISION, KEPT, PROMOTED, Comparison, compare, promote
from olist_assets.mlops.registry import champion_version, client
from olist_assets.settings import Settings
from olist_assets_tests.mlops.conftest import MODEL, OTHER, OWN


def decided(settings: Settings) -> tuple[str | None, int | None]:
    """The decision on the newest version, and the champion's version afterwards."""
    found = promote(settings, MODEL)
    best = champion_version(client(settings), MODEL, OWN)
    return found.decision, int(best.version) if best else None


def test_the_first_version_becomes_champion(tracked, register):
    mlflow = register(0.7)
    assert champion_version(mlflow, MODEL, OWN) is None
    assert decided(tracked) == (PROMOTED, 1)
    assert mlflow.get_model_version(MODEL.name, "1").tags == {FLAVOUR_TAG: OWN, DECISION: PROMOTED}


def test_a_first_version_without_a_metric_becomes_champion_too(tracked, register):
    register(None)
    assert decided(tracked) == (PROMOTED, 1)


@pytest.mark.parametrize(
    ("value", "champion_value", "best"),
    [(0.71, 0.70, 2), (0.70, 0.70, 2), (0.69, 0.70, 1), (None, 0.7, 1), (0.7, None, 1)],
    ids=["better", "as good", "worse", "not measured", "champion not measured"],
)
def test_a_version_becomes_champion_if_it_is_not_below_the_one_before(tracked, register, value, champion_value, best):
    register(0.9)
    decided(tracked)
    mlflow = register(value, champion_value)
    decision = PROMOTED if best == 2 else KEPT
    assert decided(tracked) == (decision, best)
    assert mlflow.get_model_version(MODEL.name, "2").tags == {FLAVOUR_TAG: OWN, DECISION: decision}


def test_the_comparison_has_both_metrics_and_the_decision(tracked, register):
    register(0.9)
    decided(tracked)
    register(0.6, 0.7)
    assert promote(tracked, MODEL) == Comparison(
        version=2,
        metric="auc_roc",
        value=0.6,
        champion_version=1,
        champion_value=0.7,
        is_as_good=False,
        decision=KEPT,
    )
    assert promote(tracked, MODEL).described() == {
        "version": 2,
        "held_out_auc_roc": 0.6,
        "decision": "kept the champion",
        "champion_version": 1,
        "champion_held_out_auc_roc": 0.7,
    }


def test_a_comparison_alone_decides_nothing(tracked, register):
    mlflow = register(0.7)
    found = compare(mlflow, MODEL, OWN)
    assert (found.is_as_good, found.decision, found.described()["decision"]) == (True, None, "not decided yet")
    assert champion_version(mlflow, MODEL, OWN) is None
    assert mlflow.get_model_version(MODEL.name, "1").tags == {FLAVOUR_TAG: OWN}


def test_a_version_is_as_good_as_itself_between_the_two_writes_of_its_promotion(tracked, register):
    mlflow = register(0.7)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "1")
    found = compare(mlflow, MODEL, OWN)
    assert (found.is_as_good, found.decision) == (True, None)
    assert decided(tracked) == (PROMOTED, 1)


def test_an_alias_moved_back_by_hand_stays_when_the_promotion_runs_again(tracked, register):
    register(0.7)
    decided(tracked)
    mlflow = register(0.8, 0.7)
    assert decided(tracked) == (PROMOTED, 2)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "1")
    assert decided(tracked) == (PROMOTED, 1)


def test_an_alias_moved_forward_by_hand_stays_when_the_promotion_runs_again(tracked, register):
    register(0.7)
    decided(tracked)
    mlflow = register(0.6, 0.7)
    assert decided(tracked) == (KEPT, 1)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "2")
    assert decided(tracked) == (KEPT, 2)


def test_a_champion_promoted_after_the_training_was_not_compared_with_it_and_stays(tracked, register):
    register(0.5)
    decided(tracked)
    mlflow = register(0.9, 0.5)
    # Trained while version 1 was champion and better than it; version 2 became champion meanwhile.
    register(0.6, 0.5)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "2")
    assert decided(tracked) == (KEPT, 2)
    found = promote(tracked, MODEL)
    assert (found.version, found.champion_version, found.champion_value) == (3, 1, 0.5)


def test_a_model_that_was_never_trained_is_reported_with_the_remedy(tracked):
    with pytest.raises(OlistError, match=r"never trained.*olist materialize --select small_model"):
        promote(tracked, MODEL)


def test_a_version_is_compared_with_the_champion_of_its_flavour_only(tracked, register):
    mlflow = register(0.9, flavour=OTHER)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OTHER], "1")
    register(0.5)
    assert decided(tracked) == (PROMOTED, 2)
    register(0.95, 0.9, flavour=OTHER)
    found = promote(tracked, MODEL)
    assert (found.version, found.decision) == (2, PROMOTED)
    assert mlflow.get_registered_model(MODEL.name).aliases == {CHAMPION_ALIASES[OTHER]: 1, CHAMPION_ALIASES[OWN]: 2}
    assert mlflow.get_model_version(MODEL.name, "3").tags == {FLAVOUR_TAG: OTHER}
