"""The checks of a trained model: whether it becomes champion, and whether a feature gives its label away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from olist_assets.contracts.model import Model
from olist_assets.mlops.registry import BEATEN, CHAMPION, CHAMPION_PARAM, TESTED, champion_version, client, newest_version
from olist_assets.settings import Settings

PROMOTED_CHECK = "version_is_at_least_as_good_as_champion"
LEAK_CHECK = "features_do_not_leak_the_label"
# A tag of the version: decided once, so that moving the alias back by hand stays.
DECISION = "decision"
# No feature that is known in advance carries so much of an AUC that spans 0.5 to 1.
MOST_OF_ONE_FEATURE = 0.1

Verdict = tuple[bool, dict[str, Any]]


@dataclass(frozen=True)
class ModelCheck:
    """One property of a model's newest version."""

    name: str
    description: str
    evaluate: Callable[[Settings, Model], Verdict]
    # Scoring waits for a blocking check, whose warning does not stop it.
    blocking: bool


def checks_of_model(model: Model) -> Iterator[ModelCheck]:
    description = f"Moves the alias `{CHAMPION}` to the newest version if its held-out {model.figure} is not below."
    yield ModelCheck(PROMOTED_CHECK, description, promoted_if_as_good, blocking=True)
    if model.suspect:
        description = f"Without {model.suspect} the model is about as good as with it."
        yield ModelCheck(LEAK_CHECK, description, leaks_nothing, blocking=False)


def promoted_if_as_good(settings: Settings, model: Model) -> Verdict:
    """Make the newest version champion if it is as good on the same held-out data; whether that was decided so."""
    mlflow = client(settings)
    newest, champion = newest_version(mlflow, model), champion_version(mlflow, model)
    run = mlflow.get_run(str(newest.run_id)).data
    figure, beaten = (run.metrics.get(f"{split}/{model.figure}") for split in (TESTED, BEATEN))
    decision = newest.tags.get(DECISION)
    if decision is None:
        # A champion that came after the training was not compared with it.
        was_compared = champion and run.params.get(CHAMPION_PARAM) == str(champion.version)
        is_as_good = was_compared and figure is not None and beaten is not None and figure >= beaten
        decision = "promoted" if champion is None or is_as_good else "kept the champion"
        if decision == "promoted":
            mlflow.set_registered_model_alias(model.name, CHAMPION, newest.version)
        mlflow.set_model_version_tag(model.name, newest.version, DECISION, decision)
    compared = {"version": int(newest.version), f"held_out_{model.figure}": figure, "decision": decision}
    compared |= {
        "champion_version": int(run.params[CHAMPION_PARAM]) if CHAMPION_PARAM in run.params else None,
        f"champion_held_out_{model.figure}": beaten,
    }
    return decision == "promoted", {name: value if value is not None else "none" for name, value in compared.items()}


def leaks_nothing(settings: Settings, model: Model) -> Verdict:
    """Whether the model without its suspect feature is about as good as with it."""
    mlflow = client(settings)
    metrics = mlflow.get_run(str(newest_version(mlflow, model).run_id)).data.metrics
    found = {
        f"{model.figure}_with_{model.suspect}": metrics.get(f"{TESTED}/{model.figure}"),
        f"{model.figure}_without_{model.suspect}": metrics.get(f"without_{model.suspect}/{TESTED}/{model.figure}"),
    }
    known = [value for value in found.values() if value is not None]
    if len(known) < len(found):
        return False, {"not_measured": [name for name, value in found.items() if value is None]}
    return known[0] - known[1] <= MOST_OF_ONE_FEATURE, {**found, "most_difference": MOST_OF_ONE_FEATURE}


def model_checks(model: Model) -> dg.AssetChecksDefinition:
    """The checks of a model as one step."""
    checks = {check.name: check for check in checks_of_model(model)}

    @dg.multi_asset_check(
        name=f"{model.name}_checks",
        specs=[
            dg.AssetCheckSpec(check.name, asset=model.name, description=check.description, blocking=check.blocking)
            for check in checks.values()
        ],
        can_subset=True,
    )
    def run_checks(context: dg.AssetCheckExecutionContext):
        for name in [key.name for key in context.selected_asset_check_keys]:
            passed, figures = checks[name].evaluate(Settings(), model)
            yield dg.AssetCheckResult(
                asset_key=model.name,
                check_name=name,
                passed=passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=figures,
            )

    return run_checks
