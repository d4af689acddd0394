"""What the registry, the runs and the tables know of the models: versions, figures, plots, calibration, drift."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import streamlit as st

from olist_assets.catalog import models, tables
from olist_assets.checks.kinds import score_drift_check
from olist_assets.contracts.model import Model
from olist_assets.dashboard import data
from olist_assets.orchestration.dagster_storage import check_history, storage
from olist_assets.mlops.model_checks import DECISION
from olist_assets.mlops.registry import BEATEN, TESTED, champion_version, client, local_folder, tracking_uri
from olist_assets.settings import Settings
from olist_assets.mlops.tracking import run_url

KEPT_SECONDS = 30
# Sizes of the held-out data, not how good a model is.
NOT_QUALITY = ("customers", "base_rate")
PREDICTIONS, PREDICTED, LABEL = "gold_customer_churn_predictions", "churn_probability", "is_churned"


@dataclass(frozen=True)
class ModelVersion:
    """A version in the registry: its training's figures by `split/figure`, those of compared models left out."""

    version: int
    at: datetime
    is_champion: bool
    decision: str | None
    run_id: str
    url: str
    figures: Mapping[str, float]

    @cached_property
    def tested(self) -> dict[str, float]:
        """How good it is on held-out data, by figure."""
        found = {
            name.removeprefix(f"{TESTED}/"): value for name, value in self.figures.items() if name.startswith(TESTED)
        }
        return {name: value for name, value in found.items() if not name.endswith(NOT_QUALITY)}

    def beaten(self, figure: str) -> float | None:
        """What the champion of then reached on the same data."""
        return self.figures.get(f"{BEATEN}/{figure}")


def is_trained(settings: Settings) -> bool:
    """Whether there may be models: asking MLflow would make its database."""
    return settings.mlflow_tracking_uri is not None or (local_folder(settings) / "mlflow.db").exists()


@st.cache_data(ttl=KEPT_SECONDS, show_spinner="Asking MLflow")
def versions(uri: str, name: str) -> list[ModelVersion]:
    """All versions of a model in MLflow at `uri`, the oldest first. Raises OlistError where it cannot be reached."""
    del uri  # It only tells apart what was read.
    settings, model = Settings(), models()[name]
    mlflow = client(settings)
    champion = champion_version(mlflow, model)
    found = []
    for version in mlflow.search_model_versions(f"name = '{name}'"):
        run = mlflow.get_run(str(version.run_id))
        found.append(
            ModelVersion(
                version=int(version.version),
                at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
                is_champion=champion is not None and champion.version == version.version,
                decision=version.tags.get(DECISION),
                run_id=run.info.run_id,
                url=run_url(settings, run.info.experiment_id, run.info.run_id),
                figures={name: value for name, value in run.data.metrics.items() if name.count("/") == 1},
            )
        )
    return sorted(found, key=lambda version: version.version)


def versions_of(settings: Settings, model: Model) -> list[ModelVersion]:
    return versions(tracking_uri(settings), model.name)


@st.cache_data(show_spinner="Fetching the plots", max_entries=20)
def plots(uri: str, run_id: str) -> dict[str, bytes]:
    """The plots that a training logged, as PNG, by name; they never change."""
    del uri
    mlflow = client(Settings())
    found = [file.path for file in mlflow.list_artifacts(run_id, "plots") if file.path.endswith(".png")]
    return {
        path.split("/")[-1].removesuffix(".png"): Path(mlflow.download_artifacts(run_id, path)).read_bytes()
        for path in found
    }


def calibration() -> pd.DataFrame:
    """Ten parts of the scored customers, the lowest score first: `predicted`, `observed` and `customers`."""
    query = f"""
        WITH parts AS (SELECT *, ntile(10) OVER (ORDER BY {PREDICTED}, customer_unique_id) AS part FROM {PREDICTIONS})
        SELECT part, avg({PREDICTED}) AS predicted, avg({LABEL}) AS observed, count(*) AS customers
        FROM parts GROUP BY part ORDER BY part"""
    return data.answer(query)


def drift(score: str) -> pd.DataFrame:
    """`at`, `psi` and `compared_with_version` of each evaluation of a score's drift that had two versions."""
    check = score_drift_check(score).name
    scored = [contract.name for contract in tables().values() if score in contract.scores]
    history = [each for name in scored for each in check_history(storage(), name) if each.check == check]
    rows = [{"at": each.at, **each.figures} for each in history if "psi" in each.figures]
    return pd.DataFrame(rows, columns=pd.Index(["at", "psi", "compared_with_version"])).sort_values("at")
