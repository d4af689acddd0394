"""Promotion: the decision, made once per version, whether the newest version of a model becomes its champion."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from olist_assets.contracts.model import Model
from olist_assets.engine.engine import Flavour
from olist_assets.mlops.flavours import CHAMPION_ALIASES, flavour_of
from olist_assets.mlops.registry import (
    CHAMPION_PARAM,
    CHAMPION_SPLIT,
    REFUSED_PARAM,
    TEST_SPLIT,
    champion_version,
    client,
    newest_version,
)
from olist_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

# A tag of the version: a decision stands, so that an alias moved by hand stays where it is.
DECISION = "decision"
PROMOTED, KEPT = "promoted", "kept the champion"


@dataclass(frozen=True)
class Comparison:
    """The newest version compared with the champion at the time, on the same held-out data, and what was decided."""

    version: int
    metric: str
    value: float | None
    champion_version: int | None
    champion_value: float | None
    is_as_good: bool
    decision: str | None

    def described(self) -> dict[str, Any]:
        """The comparison as metadata."""
        fields = {
            "version": self.version,
            f"held_out_{self.metric}": self.value,
            "decision": self.decision or "not decided yet",
            "champion_version": self.champion_version,
            f"champion_held_out_{self.metric}": self.champion_value,
        }
        return {name: "none" if value is None else value for name, value in fields.items()}


def compare(mlflow: "MlflowClient", model: Model, flavour: Flavour) -> Comparison:
    """Compare the newest version of a flavour with its champion. Raises OlistError if the model was never trained."""
    newest, champion = newest_version(mlflow, model, flavour), champion_version(mlflow, model, flavour)
    run = mlflow.get_run(str(newest.run_id)).data
    value, champion_value = (run.metrics.get(f"{split}/{model.metric}") for split in (TEST_SPLIT, CHAMPION_SPLIT))
    # A champion that was promoted after the training was not compared with it.
    was_compared = champion is not None and run.params.get(CHAMPION_PARAM) == str(champion.version)
    refused = run.params.get(REFUSED_PARAM)
    is_as_good = was_compared and value is not None and champion_value is not None and value >= champion_value
    return Comparison(
        version=int(newest.version),
        metric=model.metric,
        value=value,
        champion_version=int(run.params[CHAMPION_PARAM]) if CHAMPION_PARAM in run.params else None,
        champion_value=champion_value,
        # The check may run between the two writes of a promotion: the newest version is champion, and nothing says why.
        is_as_good=champion is None or str(champion.version) in (str(newest.version), refused) or is_as_good,
        decision=newest.tags.get(DECISION),
    )


def promote(settings: Settings, model: Model) -> Comparison:
    """Make the newest version of the engine's flavour its champion if it is at least as good.

    Does nothing if that was decided before.
    """
    mlflow, flavour = client(settings), flavour_of(settings)
    found = compare(mlflow, model, flavour)
    if found.decision is None:
        if found.is_as_good:
            mlflow.set_registered_model_alias(model.name, CHAMPION_ALIASES[flavour], str(found.version))
        decision = PROMOTED if found.is_as_good else KEPT
        mlflow.set_model_version_tag(model.name, str(found.version), DECISION, decision)
        return replace(found, decision=decision)
    return found
