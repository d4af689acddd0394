"""The checks of a model report, and change nothing in the registry. Without Spark."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from mlflow import MlflowClient

from olist_assets.contracts.calendar import PUBLISHED
from olist_assets.errors import OlistError
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.ml.churn_model import CHURN_MODEL
from olist_assets.mlops.flavours import CHAMPION_ALIASES, FLAVOUR_TAG
from olist_assets.mlops.model_checks import AS_GOOD_CHECK, LEAK_CHECK, is_as_good, leaks_nothing, model_checks
from olist_assets.mlops.promotion import KEPT, PROMOTED, promote
from olist_assets.settings import Settings
from olist_assets_tests.mlops.conftest import MODEL, OWN


def registry_state(mlflow: MlflowClient, name: str) -> dict[str, Any]:
    """The aliases of a model, and the tags of its versions."""
    versions = mlflow.search_model_versions(f"name = '{name}'")
    tags = {int(version.version): version.tags for version in versions}
    return {"aliases": mlflow.get_registered_model(name).aliases, "tags": tags}


def run_step(settings: Settings, warehouse: Warehouse) -> Sequence[dg.AssetCheckEvaluation]:
    """The evaluations of the step of MODEL's checks."""
    values = {"warehouse": Warehouse(settings, warehouse.catalog), "calendar": PUBLISHED}
    resources = {name: dg.ResourceDefinition.hardcoded_resource(value) for name, value in values.items()}
    job = dg.define_asset_job("checks", dg.AssetSelection.all_asset_checks())
    defs = dg.Definitions(asset_checks=[model_checks(MODEL)], resources=resources, jobs=[job])
    return defs.resolve_job_def("checks").execute_in_process().get_asset_check_evaluations()


def test_the_checks_of_an_undecided_version_change_neither_alias_nor_tags(tracked, warehouse, register):
    register(0.7)
    promote(tracked, MODEL)
    mlflow = register(0.8, 0.7, **{"without_recency_days/test/auc_roc": 0.79})
    before = registry_state(mlflow, MODEL.name)
    assert before == {
        "aliases": {CHAMPION_ALIASES[OWN]: 1},
        "tags": {1: {FLAVOUR_TAG: OWN, "decision": PROMOTED}, 2: {FLAVOUR_TAG: OWN}},
    }
    found = run_step(tracked, warehouse)
    assert {check.check_name: check.passed for check in found} == {AS_GOOD_CHECK: True, LEAK_CHECK: True}
    assert registry_state(mlflow, MODEL.name) == before


def test_olist_checks_changes_neither_alias_nor_tags(olist, register):
    mlflow = register(0.7, model=CHURN_MODEL, **{f"without_{CHURN_MODEL.leak_suspect}/test/auc_roc": 0.69})
    before = registry_state(mlflow, CHURN_MODEL.name)
    assert before == {"aliases": {}, "tags": {1: {FLAVOUR_TAG: OWN}}}
    code, text = olist("checks", "--select", CHURN_MODEL.name)
    assert code == 0, text
    assert registry_state(mlflow, CHURN_MODEL.name) == before


def test_failed_checks_of_a_model_warn(tracked, warehouse, register):
    register(0.9)
    promote(tracked, MODEL)
    register(0.6, 0.7)
    found = run_step(tracked, warehouse)
    assert {(check.check_name, check.passed, check.severity) for check in found} == {
        (AS_GOOD_CHECK, False, dg.AssetCheckSeverity.WARN),
        (LEAK_CHECK, False, dg.AssetCheckSeverity.WARN),
    }


def test_only_a_model_with_a_suspect_feature_has_the_check_of_the_leak():
    (with_suspect, without) = (model_checks(model) for model in (MODEL, replace(MODEL, leak_suspect=None)))
    assert {spec.name for spec in with_suspect.check_specs} == {AS_GOOD_CHECK, LEAK_CHECK}
    assert {spec.name for spec in without.check_specs} == {AS_GOOD_CHECK}
    assert not any(spec.blocking for spec in with_suspect.check_specs)


@pytest.mark.parametrize(
    ("value", "champion_value", "passes"), [(0.71, 0.70, True), (0.70, 0.70, True), (0.69, 0.70, False)]
)
def test_a_version_is_compared_with_the_champion_before_and_after_the_decision(
    tracked, register, value, champion_value, passes
):
    register(0.9)
    promote(tracked, MODEL)
    register(value, champion_value)
    metrics = {
        "version": 2,
        "held_out_auc_roc": value,
        "champion_version": 1,
        "champion_held_out_auc_roc": champion_value,
    }
    assert is_as_good(tracked, MODEL) == (passes, metrics | {"decision": "not decided yet"})
    promote(tracked, MODEL)
    assert is_as_good(tracked, MODEL) == (passes, metrics | {"decision": PROMOTED if passes else KEPT})


def test_a_promoted_version_passes_though_the_alias_was_moved_back_by_hand(tracked, register):
    register(0.7)
    promote(tracked, MODEL)
    mlflow = register(0.8, 0.7)
    promote(tracked, MODEL)
    mlflow.set_registered_model_alias(MODEL.name, CHAMPION_ALIASES[OWN], "1")
    passed, metrics = is_as_good(tracked, MODEL)
    assert (passed, metrics["version"], metrics["decision"]) == (True, 2, PROMOTED)


@pytest.mark.parametrize(("without", "passes"), [(0.95, True), (0.62, False)])
def test_a_feature_that_leaks_the_label_warns_with_both_metrics(tracked, register, without, passes):
    register(0.99, **{"without_recency_days/test/auc_roc": without})
    assert leaks_nothing(tracked, MODEL) == (
        passes,
        {"auc_roc_with_recency_days": 0.99, "auc_roc_without_recency_days": without, "max_difference": 0.1},
    )


def test_a_leak_that_was_not_measured_does_not_pass(tracked, register):
    register(0.99)
    assert leaks_nothing(tracked, MODEL) == (False, {"not_measured": ["auc_roc_without_recency_days"]})


@pytest.mark.parametrize("check", [is_as_good, leaks_nothing])
def test_a_check_of_a_model_that_was_never_trained_says_how_to_train_it(tracked, check):
    with pytest.raises(OlistError, match=r"never trained.*olist materialize --select small_model"):
        check(tracked, MODEL)
