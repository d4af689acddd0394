"""What MLflow, the tables and the checks know about the models: versions, metrics, plots, calibration, score drift."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import streamlit as st

from olist_assets.catalog import catalog
from olist_assets.checks.score_drift import score_drift_check
from olist_assets.contracts.model import Model
from olist_assets.dashboard import data, storage
from olist_assets.engine.engine import Flavour
from olist_assets.mlops.flavours import ESTIMATORS, tagged_flavour
from olist_assets.mlops.places import DATABASE, local_folder, tracking_uri
from olist_assets.mlops.promotion import DECISION
from olist_assets.mlops.registry import (
    CHAMPION_SPLIT,
    TEST_SPLIT,
    champion_version,
    client,
)
from olist_assets.mlops.tracking import run_url
from olist_assets.orchestration.dagster_storage import check_history
from olist_assets.settings import Settings

CACHE_SECONDS = 30
# These describe the held-out data, not the quality of a model on it.
NOT_QUALITY = ("customers", "base_rate")
PREDICTIONS, PREDICTED, LABEL = "gold_customer_churn_predictions", "churn_probability", "is_churned"
EVALUATION = "gold_ml_evaluation"


@dataclass(frozen=True)
class ModelVersion:
    """A version in the registry, with the metrics that its training logged by `split/metric`."""

    version: int
    flavour: Flavour
    at: datetime
    is_champion: bool
    """Whether it is the champion of its flavour."""
    decision: str | None
    run_id: str
    url: str
    metrics: Mapping[str, float]

    @cached_property
    def held_out(self) -> dict[str, float]:
        """Its quality on held-out data, by metric."""
        prefix = f"{TEST_SPLIT}/"
        found = {key.removeprefix(prefix): value for key, value in self.metrics.items() if key.startswith(prefix)}
        return {key: value for key, value in found.items() if not key.endswith(NOT_QUALITY)}

    def champion_metric(self, key: str) -> float | None:
        """The metric that the champion at the time of the training reached on the same held-out data."""
        return self.metrics.get(f"{CHAMPION_SPLIT}/{key}")


def is_trained(settings: Settings) -> bool:
    """Whether there may be models; MLflow's client would create its database where there is none."""
    return settings.mlflow_tracking_uri is not None or (local_folder(settings) / DATABASE).exists()


def versions(settings: Settings, model: Model) -> list[ModelVersion]:
    """All versions of a model in both flavours, the oldest first, CACHE_SECONDS old at most.

    Raises OlistError without MLflow.
    """
    return _versions(settings, tracking_uri(settings), model.name) if is_trained(settings) else []


@st.cache_data(ttl=CACHE_SECONDS, show_spinner="Querying MLflow")
def _versions(_settings: Settings, uri: str, name: str) -> list[ModelVersion]:  # noqa: ARG001
    mlflow = client(_settings)
    champions = {flavour: champion_version(mlflow, catalog().models[name], flavour) for flavour in ESTIMATORS}
    found = []
    for version in mlflow.search_model_versions(f"name = '{name}'"):
        run, flavour = mlflow.get_run(str(version.run_id)), tagged_flavour(version.tags)
        champion = champions[flavour]
        found.append(
            ModelVersion(
                version=int(version.version),
                flavour=flavour,
                at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
                is_champion=champion is not None and champion.version == version.version,
                decision=version.tags.get(DECISION),
                run_id=run.info.run_id,
                url=run_url(_settings, run.info.experiment_id, run.info.run_id),
                # Models that were compared with it have one more part: `variant/split/metric`.
                metrics={key: value for key, value in run.data.metrics.items() if key.count("/") == 1},
            )
        )
    return sorted(found, key=lambda version: version.version)


def plots(settings: Settings, run_id: str) -> dict[str, bytes]:
    """The plots that a training logged, as PNG by name."""
    return _plots(settings, tracking_uri(settings), run_id)


@st.cache_data(show_spinner="Fetching the plots", max_entries=20)
def _plots(_settings: Settings, uri: str, run_id: str) -> dict[str, bytes]:  # noqa: ARG001
    mlflow = client(_settings)
    paths = [file.path for file in mlflow.list_artifacts(run_id, "plots") if file.path.endswith(".png")]
    return {
        path.split("/")[-1].removesuffix(".png"): Path(mlflow.download_artifacts(run_id, path)).read_bytes()
        for path in paths
    }


def calibration() -> pd.DataFrame:
    """Ten bins of the scored customers, the lowest score first: `predicted`, `observed` and `customers`."""
    query = f"""
        WITH bins AS (SELECT *, ntile(10) OVER (ORDER BY {PREDICTED}, customer_unique_id) AS bin FROM {PREDICTIONS})
        SELECT bin, avg({PREDICTED}) AS predicted, avg({LABEL}) AS observed, count(*) AS customers
        FROM bins GROUP BY bin ORDER BY bin"""
    return data.answer(query)


def score_drift(score: str) -> pd.DataFrame:
    """`at`, `psi` and `compared_with_version` of each drift check of a score that compared two versions."""
    check = score_drift_check(score).name
    scored = [contract.name for contract in catalog().business_tables.values() if score in contract.scores]
    instance, graph = storage.instance(), storage.graph()
    history = [each for name in scored for each in check_history(instance, graph, name) if each.check == check]
    rows = [{"at": each.at, **each.metadata} for each in history if "psi" in each.metadata]
    return pd.DataFrame(rows, columns=pd.Index(["at", "psi", "compared_with_version"])).sort_values("at")


def evaluation(model: Model) -> pd.DataFrame:
    """The rows of gold_ml_evaluation of a model and of those that it was compared with."""
    query = f"FROM {EVALUATION} WHERE split_part(model, '/', 1) = $model ORDER BY version DESC, model, split, metric"
    return data.answer(query, model=model.name)
