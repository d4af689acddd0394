"""How models enter and leave a run: trainings and promotions are reported, and a reader gets the champion."""

from functools import cached_property

import dagster as dg

from olist_assets.contracts.model import Model, Promotion
from olist_assets.lakehouse.warehouse import Warehouse
from olist_assets.mlops.estimators.interface import FittedModel
from olist_assets.mlops.promotion import Comparison
from olist_assets.mlops.registry import TEST_SPLIT, Champion, Trained, load, required_champion


class ModelIOManager(dg.ConfigurableIOManager):
    """Reports trained versions and promotions to Dagster; MLflow stores the models themselves."""

    warehouse: dg.ResourceDependency[Warehouse]

    @cached_property
    def _of_this_run(self) -> dict[tuple[str, int], FittedModel]:
        """Models trained in this process: one that became champion need not be read back."""
        return {}

    def handle_output(self, context: dg.OutputContext, obj: Trained | Comparison) -> None:
        """Attach the version, its MLflow run and its metrics to the materialization."""
        if isinstance(obj, Comparison):
            context.add_output_metadata(obj.described())
            return
        self._of_this_run[obj.model.name, obj.version] = obj.fitted
        context.add_output_metadata(
            {
                "model_version": obj.version,
                "mlflow_run_id": obj.run_id,
                "mlflow_run": dg.MetadataValue.url(obj.url),
                **{name: value for name, value in obj.metrics.items() if name.startswith(f"{TEST_SPLIT}/")},
            }
        )

    def load_input(self, context: dg.InputContext) -> Champion:
        """The champion of a model. Raises OlistError if there is none yet."""
        model = self._model(context.asset_key.to_user_string())
        best = required_champion(self.warehouse.settings, model)
        trained = self._of_this_run.get((model.name, int(best.version)))
        return Champion(int(best.version), trained or load(self.warehouse.settings, best))

    def _model(self, name: str) -> Model:
        promotion: Promotion = self.warehouse.catalog.promotions[name]
        return promotion.model
