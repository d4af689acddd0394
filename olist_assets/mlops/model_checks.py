"""The checks of a trained model: whether it is as good as the champion, and whether a feature gives its label away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg

from olist_assets.checks.assembly import check_result, check_step
from olist_assets.checks.spec import Verdict
from olist_assets.contracts.calendar import Calendar
from olist_assets.contracts.model import Model
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.mlops.flavours import flavour_of
from olist_assets.mlops.promotion import PROMOTED, compare
from olist_assets.mlops.registry import TEST_SPLIT, client, newest_version
from olist_assets.settings import Settings

AS_GOOD_CHECK = "version_is_at_least_as_good_as_champion"
LEAK_CHECK = "features_do_not_leak_the_label"
# No feature that is known in advance contributes this much to an AUC that spans 0.5 to 1.
MAX_DIFFERENCE = 0.1


@dataclass(frozen=True)
class ModelCheck:
    """One property of a model's newest version."""

    name: str
    description: str
    evaluate: Callable[[Settings, Model], Verdict]


def checks_of_model(model: Model) -> Iterator[ModelCheck]:
    """All checks that a model's contract implies."""
    description = f"The held-out {model.metric} of the newest version is not below the champion's."
    yield ModelCheck(AS_GOOD_CHECK, description, is_as_good)
    if model.leak_suspect:
        description = f"Without {model.leak_suspect} the model is about as good as with it."
        yield ModelCheck(LEAK_CHECK, description, leaks_nothing)


def is_as_good(settings: Settings, model: Model) -> Verdict:
    """Whether the newest version is at least as good as the champion was; reports and changes nothing."""
    found = compare(client(settings), model, flavour_of(settings))
    return found.decision == PROMOTED if found.decision else found.is_as_good, found.described()


def leaks_nothing(settings: Settings, model: Model) -> Verdict:
    """Whether the model without its suspect feature is about as good as with it."""
    mlflow = client(settings)
    metrics = mlflow.get_run(str(newest_version(mlflow, model, flavour_of(settings)).run_id)).data.metrics
    with_it, without_it = f"{model.metric}_with_{model.leak_suspect}", f"{model.metric}_without_{model.leak_suspect}"
    found = {
        with_it: metrics.get(f"{TEST_SPLIT}/{model.metric}"),
        without_it: metrics.get(f"without_{model.leak_suspect}/{TEST_SPLIT}/{model.metric}"),
    }
    if missing := [name for name, value in found.items() if value is None]:
        return False, {"not_measured": missing}
    difference = metrics[f"{TEST_SPLIT}/{model.metric}"] - (found[without_it] or 0.0)
    return difference <= MAX_DIFFERENCE, {**found, "max_difference": MAX_DIFFERENCE}


def model_checks(model: Model) -> dg.AssetChecksDefinition:
    """The checks of a model as one step; all of them warn."""
    checks = {check.name: check for check in checks_of_model(model)}
    specs = [
        dg.AssetCheckSpec(check.name, asset=model.name, description=check.description) for check in checks.values()
    ]

    def evaluate_selected(
        names: set[str],
        warehouse: Warehouse,
        calendar: Calendar,  # noqa: ARG001  # the scaffold's signature
    ) -> Iterator[dg.AssetCheckResult]:
        for name, check in checks.items():
            if name in names:
                yield check_result(model.name, name, check.evaluate(warehouse.settings, model), blocking=False)

    return check_step(model.name, specs, evaluate_selected)
